/* PCRE 10, for NGINX from 1.21.5 on: src/core/ngx_regex.h names the type. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct pcre2_code  pcre2_code;

#define PCRE2_ERROR_NOMATCH  (-1)

pcre2_code *pcre2_compile(const uint8_t *pattern, size_t length, uint32_t options, int *error, size_t *offset, void *context);
