//! Request types, error codes and map keys, with the names that Tarantool's `iproto_constants.h` and `errcode.h` give them.

/// Keys of the header map and of the body maps.
pub mod key {
    /// Header: the type of a request, the status of a response.
    pub const REQUEST_TYPE: u64 = 0x00;
    /// Header: the number by which a client finds the answer to its request.
    pub const SYNC: u64 = 0x01;
    /// Header: version of the database schema.
    pub const SCHEMA_VERSION: u64 = 0x05;
    /// Body: arguments of CALL and EVAL, parameters of AUTH.
    pub const TUPLE: u64 = 0x21;
    /// Body of CALL: name of the function.
    pub const FUNCTION_NAME: u64 = 0x22;
    /// Body of AUTH: name of the user.
    pub const USER_NAME: u64 = 0x23;
    /// Body of EVAL: the expression.
    pub const EXPR: u64 = 0x27;
    /// Body of a response: the array of results.
    pub const DATA: u64 = 0x30;
    /// Body of an error response: its text, as clients before 2.4 read it.
    pub const ERROR_24: u64 = 0x31;
    /// Body of an error response: the stack of errors, as clients since 2.4 read it.
    pub const ERROR: u64 = 0x52;
    /// Body of ID: protocol version.
    pub const VERSION: u64 = 0x54;
    /// Body of ID: numbers of the supported features.
    pub const FEATURES: u64 = 0x55;
    /// Body of the answer to ID: default way of authentication.
    pub const AUTH_TYPE: u64 = 0x5b;
}

/// What a request asks for: the value of [`key::REQUEST_TYPE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestType {
    /// Read tuples of a space (0x01).
    Select,
    /// CALL as Tarantool 1.6 had it: every result is wrapped in a tuple (0x06).
    Call16,
    /// Authenticate (0x07).
    Auth,
    /// Evaluate an expression (0x08).
    Eval,
    /// Call a stored function (0x0a).
    Call,
    /// Are you there? (0x40)
    Ping,
    /// Exchange protocol version and features (0x49).
    Id,
    /// Any other number.
    Other(u64),
}

impl RequestType {
    /// The type that `code` stands for.
    #[must_use]
    pub fn from_code(code: u64) -> Self {
        match code {
            0x01 => Self::Select,
            0x06 => Self::Call16,
            0x07 => Self::Auth,
            0x08 => Self::Eval,
            0x0a => Self::Call,
            0x40 => Self::Ping,
            0x49 => Self::Id,
            other => Self::Other(other),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> u64 {
        match self {
            Self::Select => 0x01,
            Self::Call16 => 0x06,
            Self::Auth => 0x07,
            Self::Eval => 0x08,
            Self::Call => 0x0a,
            Self::Ping => 0x40,
            Self::Id => 0x49,
            Self::Other(code) => code,
        }
    }
}

/// Numbers of the errors that our server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ErrorCode {
    /// Arguments of the wrong shape.
    IllegalParams = 1,
    /// What was sent is not MessagePack, or not a request.
    InvalidMsgpack = 20,
    /// No function of this name.
    NoSuchProc = 33,
    /// Not allowed.
    AccessDenied = 42,
    /// Unknown user or wrong password.
    PasswordMismatch = 47,
    /// No such request type.
    UnknownRequestType = 48,
}

/// Bit that marks the status of a response as an error; the rest of the number is the error's code.
pub const ERROR_FLAG: u32 = 0x8000;
