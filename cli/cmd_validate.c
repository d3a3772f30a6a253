/* SPDX-License-Identifier: MIT */
/* The verb `validate`: checks each document by itself, and uses none of them. */
#include <stdio.h>

#include <rdvtask/document.h>

#include "commands.h"
#include "display_text.h"
#include "messages.h"
#include "options.h"

int command_validate(const struct options *options)
{
    int code = EXIT_OK;
    for (size_t i = 0; i < options->argument_count; i++) {
        const char *file = options->arguments[i];
        struct rdv_error error = {0};
        rdv_document_kind kind = RDV_DOCUMENT_AGENT;
        if (rdv_document_check(file, &kind, &error) != 0) {
            report_document_error(file, &error);
            code = EXIT_FAILED;
        } else if (!options->quiet) {
            text_print(stdout, file);
            printf(": %s document, ok\n", kind == RDV_DOCUMENT_AGENT ? "agent" : "schedule");
        }
    }
    return code;
}
