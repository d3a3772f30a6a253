/* SPDX-License-Identifier: MIT */
/* An IMallocSpy that counts what COM allocates and frees, for tests that look for leaks. */
#define COBJMACROS
#define CONST_VTABLE
#include "spy.h"

#include <stdio.h>
#include <stdlib.h>

#include <windows.h>

#include <objbase.h>

static volatile LONG alive, made;

static HRESULT STDMETHODCALLTYPE query(IMallocSpy *spy, REFIID iid, void **object)
{
    *object = NULL;
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, &IID_IMallocSpy))
        return E_NOINTERFACE;
    *object = spy;
    return S_OK;
}

/* The spy lives as long as the process. */
static ULONG STDMETHODCALLTYPE add_ref(IMallocSpy *spy)
{
    (void)spy;
    return 2;
}

static ULONG STDMETHODCALLTYPE release(IMallocSpy *spy)
{
    (void)spy;
    return 1;
}

static SIZE_T STDMETHODCALLTYPE pre_alloc(IMallocSpy *spy, SIZE_T size)
{
    (void)spy;
    return size;
}

static void *STDMETHODCALLTYPE post_alloc(IMallocSpy *spy, void *block)
{
    (void)spy;
    if (block) {
        InterlockedIncrement(&alive);
        InterlockedIncrement(&made);
    }
    return block;
}

static void *STDMETHODCALLTYPE pre_free(IMallocSpy *spy, void *block, BOOL spied)
{
    (void)spy;
    if (block && spied)
        InterlockedDecrement(&alive);
    return block;
}

static void STDMETHODCALLTYPE post_free(IMallocSpy *spy, BOOL spied)
{
    (void)spy;
    (void)spied;
}

static SIZE_T STDMETHODCALLTYPE pre_realloc(IMallocSpy *spy, void *block, SIZE_T size,
                                            void **ret_block, BOOL spied)
{
    (void)spy;
    (void)spied;
    *ret_block = block;
    return size;
}

static void *STDMETHODCALLTYPE post_realloc(IMallocSpy *spy, void *block, BOOL spied)
{
    (void)spy;
    (void)spied;
    return block;
}

static void *STDMETHODCALLTYPE same(IMallocSpy *spy, void *block, BOOL spied)
{
    (void)spy;
    (void)spied;
    return block;
}

static SIZE_T STDMETHODCALLTYPE post_size(IMallocSpy *spy, SIZE_T size, BOOL spied)
{
    (void)spy;
    (void)spied;
    return size;
}

static int STDMETHODCALLTYPE post_did(IMallocSpy *spy, void *block, BOOL spied, int result)
{
    (void)spy;
    (void)block;
    (void)spied;
    return result;
}

static void STDMETHODCALLTYPE nothing(IMallocSpy *spy)
{
    (void)spy;
}

static const IMallocSpyVtbl spy_vtbl = {
    .QueryInterface = query,
    .AddRef = add_ref,
    .Release = release,
    .PreAlloc = pre_alloc,
    .PostAlloc = post_alloc,
    .PreFree = pre_free,
    .PostFree = post_free,
    .PreRealloc = pre_realloc,
    .PostRealloc = post_realloc,
    .PreGetSize = same,
    .PostGetSize = post_size,
    .PreDidAlloc = same,
    .PostDidAlloc = post_did,
    .PreHeapMinimize = nothing,
    .PostHeapMinimize = nothing,
};

void spy_install(void)
{
    /*
     * oleaut32 keeps freed strings for the next ones, unless it is asked not to before it makes the
     * first.
     */
    HMODULE automation = LoadLibraryA("oleaut32.dll");
    void (*no_cache)(void) =
        automation ? (void (*)(void))GetProcAddress(automation, "SetOaNoCache") : NULL;
    static IMallocSpy spy = {.lpVtbl = &spy_vtbl};
    if (!no_cache || FAILED(CoRegisterMallocSpy(&spy))) {
        fprintf(stderr, "no spy on COM's memory\n");
        abort();
    }
    no_cache();
}

long spy_alive(void)
{
    return alive;
}

long spy_made(void)
{
    return made;
}
