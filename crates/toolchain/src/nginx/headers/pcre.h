/* PCRE 8, for NGINX before 1.21.5: src/core/ngx_regex.h keeps pointers to both types. */
#pragma once

typedef struct real_pcre   pcre;
typedef struct pcre_extra  pcre_extra;

#define PCRE_ERROR_NOMATCH  (-1)

pcre *pcre_compile(const char *pattern, int options, const char **error, int *offset, const unsigned char *tables);
