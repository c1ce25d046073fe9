/* crypt(3), as src/os/unix/ngx_linux_config.h and configure's probe ask for it. */
#pragma once

struct crypt_data {
    int   initialized;
    char  buffer[256];
};

char *crypt(const char *key, const char *salt);
char *crypt_r(const char *key, const char *salt, struct crypt_data *data);
