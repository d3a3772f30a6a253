/* SPDX-License-Identifier: MIT */
/*
 * An allocator that counts and has a limit, since that of Windows has neither. The linker's --wrap puts it between
 * the program and the system's.
 */
#include "../system.h"

#include <limits.h>
#include <malloc.h>
#include <string.h>

#include <windows.h>

static volatile LONG64 allocated, memory_limit = INT64_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);
char *__wrap_strdup(const char *text);
char *__wrap__strdup(const char *text);

static LONG64 size_of(void *memory)
{
    return memory ? (LONG64)_msize(memory) : 0;
}

static void *counted(void *memory)
{
    InterlockedExchangeAdd64(&allocated, size_of(memory));
    return memory;
}

static bool may_have(size_t size)
{
    return size < INT_MAX && allocated + (LONG64)size <= memory_limit;
}

void *__wrap_malloc(size_t size)
{
    return may_have(size) ? counted(__real_malloc(size)) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return count == 0 || (size <= INT_MAX / count && may_have(count * size))
               ? counted(__real_calloc(count, size))
               : NULL;
}

void *__wrap_realloc(void *memory, size_t size)
{
    LONG64 before = size_of(memory);
    if (size > (size_t)before && !may_have(size - (size_t)before))
        return NULL;
    void *moved = __real_realloc(memory, size);
    if (moved || size == 0) /* with size 0 it was freed */
        InterlockedExchangeAdd64(&allocated, size_of(moved) - before);
    return moved;
}

void __wrap_free(void *memory)
{
    InterlockedExchangeAdd64(&allocated, -size_of(memory));
    __real_free(memory);
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

char *__wrap__strdup(const char *text)
{
    return __wrap_strdup(text);
}

void rdv_test_limit_memory(size_t room)
{
    memory_limit = room > 0 ? allocated + (LONG64)room : INT64_MAX;
}

size_t rdv_test_allocated(void)
{
    return (size_t)allocated;
}
