//! Tarantool's IPROTO wire protocol: frames, greeting, MessagePack.
