/* OpenSSL 3.0: the types that src/event/ngx_event_openssl.h and the headers of QUIC name, and what configure probes. */
#pragma once

#define OPENSSL_VERSION_NUMBER  0x30000000L

typedef struct evp_cipher_st      EVP_CIPHER;
typedef struct evp_md_st          EVP_MD;
typedef struct evp_pkey_st        EVP_PKEY;
typedef struct rsa_st             RSA;
typedef struct ssl_cipher_st      SSL_CIPHER;
typedef struct ssl_ctx_st         SSL_CTX;
typedef struct ssl_quic_method_st SSL_QUIC_METHOD;
typedef struct ssl_session_st     SSL_SESSION;
typedef struct ssl_st             SSL;
typedef struct x509_st            X509;

enum ssl_encryption_level_t {
    ssl_encryption_initial,
    ssl_encryption_early_data,
    ssl_encryption_handshake,
    ssl_encryption_application
};

unsigned long SSL_CTX_set_options(SSL_CTX *ctx, unsigned long options);
int SSL_set_quic_method(SSL *ssl, const SSL_QUIC_METHOD *method);
