/* zlib, for configure's probe: no header of NGINX includes it. */
#pragma once

#define Z_NO_FLUSH  0

typedef struct {
    void  *opaque;
} z_stream;

int deflate(z_stream *stream, int flush);
