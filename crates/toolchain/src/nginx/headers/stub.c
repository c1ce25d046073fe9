/* What configure's probes link against. Nothing here is ever called by a module. */

void *crypt(void) { return 0; }
void *crypt_r(void) { return 0; }
int deflate(void) { return 0; }
void *pcre_compile(void) { return 0; }
void *pcre2_compile(void) { return 0; }
unsigned long SSL_CTX_set_options(void) { return 0; }
int SSL_set_quic_method(void) { return 0; }
