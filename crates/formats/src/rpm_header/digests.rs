//! Checks a package against its own digests, and writes its signature header anew.

use std::io::{self, Read, Seek, SeekFrom, Write};

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{Error, Header, HeaderBuilder, Limits, Rpm, Tag};
use crate::xz;

/// What a signer may fail with.
pub type SignError = Box<dyn std::error::Error + Send + Sync>;

/// OpenPGP's number of SHA-256, as tag 5093 holds it.
const SHA256_ALGORITHM: u32 = 8;
/// As rpm and its relatives reserve: room for a signature that another tool adds in place.
const RESERVED_SPACE: usize = 4128;
/// The longest piece of payload in memory.
const CHUNK: usize = 64 * 1024;

/// Which digests and sizes a package holds; those that it holds are right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Tag 1000 or 270: size of main header and payload.
    pub size: bool,
    /// Tag 1004: MD5 over main header and payload, all that rpm 4.11 checks of a payload.
    pub md5: bool,
    /// Tag 269: SHA-1 over the main header.
    pub sha1: bool,
    /// Tag 273: SHA-256 over the main header.
    pub sha256: bool,
    /// Tag 5092: SHA-256 over the compressed payload.
    pub payload: bool,
    /// Tag 1007: size of the uncompressed payload.
    pub payload_size: bool,
}

/// What one pass over main header and payload gives.
struct Measured {
    /// Bytes of main header and payload.
    size: u64,
    md5: [u8; 16],
    header_sha1: String,
    header_sha256: String,
    payload_sha256: String,
    /// Bytes of the uncompressed payload; an error only counts once the digests were found right, since they say more.
    payload_size: io::Result<u64>,
}

/// Reads a whole package and compares it with every digest and size in its headers.
///
/// # Errors
/// [`Error::Mismatch`] when one is wrong; [`Error::Compressor`]; otherwise as [`Rpm::read`].
pub fn verify_digests(from: &mut impl Read) -> Result<(Rpm, Checked), Error> {
    let rpm = Rpm::read(from)?;
    let measured = measure(&rpm.header, from)?;
    let checked = check_measured(&rpm, measured)?;
    Ok((rpm, checked))
}

fn check_measured(rpm: &Rpm, measured: Measured) -> Result<Checked, Error> {
    let signature = &rpm.signature;
    let checked = Checked {
        size: compare("size of header and payload", stated_size(signature)?, &measured.size)?,
        sha1: compare("SHA-1 of the header", signature.string(Tag::SIG_SHA1)?, &measured.header_sha1)?,
        sha256: compare("SHA-256 of the header", signature.string(Tag::SIG_SHA256)?, &measured.header_sha256)?,
        payload: check_payload(&rpm.header, &measured)?,
        md5: compare("MD5 of header and payload", signature.bin(Tag::SIG_MD5)?.map(hex), &hex(&measured.md5))?,
        payload_size: false,
    };
    let unpacked = measured.payload_size.map_err(Error::io("decompress the payload"))?;
    let payload_size = signature.u32(Tag::SIG_PAYLOAD_SIZE)?.map(u64::from);
    Ok(Checked { payload_size: compare("size of the uncompressed payload", payload_size, &unpacked)?, ..checked })
}

/// Bytes of main header and payload, as the signature header has them.
fn stated_size(signature: &Header) -> Result<Option<u64>, Error> {
    Ok(match signature.u64s(Tag::SIG_LONG_SIZE)?.first() {
        Some(&size) => Some(size),
        None => signature.u32(Tag::SIG_SIZE)?.map(u64::from),
    })
}

/// Reads a whole package and compares it with the digests of header and payload, as a client does before it installs. The
/// payload's is in the header, so a good signature of that vouches for all of it.
///
/// The payload is not unpacked, which takes several times as long as hashing it; [`verify_digests`] does that. A package without a
/// SHA-256 of its payload (rpm before 4.14 made such) is verified by that.
///
/// # Errors
/// [`Error::Mismatch`] when one is wrong; otherwise as [`Rpm::read`].
pub fn verify_signed_digests(from: &mut impl Read) -> Result<Rpm, Error> {
    let rpm = Rpm::read(from)?;
    let stated = match rpm.header.u32(Tag::PAYLOAD_DIGEST_ALGO)? {
        Some(SHA256_ALGORITHM) => rpm.header.string(Tag::PAYLOAD_DIGEST)?,
        _ => None,
    };
    let Some(stated) = stated else {
        let measured = measure(&rpm.header, from)?;
        check_measured(&rpm, measured)?;
        return Ok(rpm);
    };
    let header = rpm.header.as_bytes();
    let mut payload = Sha256::new();
    let size = header.len() as u64 + io::copy(from, &mut payload).map_err(Error::io("read the payload"))?;
    compare("size of header and payload", stated_size(&rpm.signature)?, &size)?;
    compare("SHA-256 of the header", rpm.signature.string(Tag::SIG_SHA256)?, &hex(&Sha256::digest(header)))?;
    compare("SHA-256 of the payload", Some(stated), &hex(&payload.finalize()))?;
    Ok(rpm)
}

/// Copies a package and writes its signature header anew: sizes and digests that rpm 4.11 to 4.20 look for, and with a
/// `signer` an RSA signature. Whatever the old signature header held is dropped.
///
/// `signer` is given the bytes of the main header and answers with an OpenPGP v4 signature packet (binary, not armoured). rpm
/// before 4.16 takes RSA only, and before 4.13 only a primary key's signature. A damaged package is refused, not signed.
///
/// # Errors
/// [`Error::Mismatch`] when the payload is not the one that the header describes, [`Error::Signer`], [`Error::Limit`]
/// when a size exceeds 32 bits or the signature does not fit, [`Error::Compressor`], otherwise as [`Rpm::read`].
pub fn resign<R, W, S>(from: &mut R, to: &mut W, signer: Option<S>) -> Result<Rpm, Error>
where
    R: Read + Seek,
    W: Write,
    S: FnOnce(&[u8]) -> Result<Vec<u8>, SignError>,
{
    let begin = from.stream_position().map_err(Error::io("seek"))?;
    let mut rpm = Rpm::read(from)?;
    let payload = begin + rpm.payload_start();
    let measured = measure(&rpm.header, from)?;
    check_payload(&rpm.header, &measured)?;
    let signature = sign(&rpm.header, signer)?;
    rpm.signature = signature_header(measured, signature.as_deref())?;
    to.write_all(&rpm.to_bytes()).map_err(Error::io("write the headers"))?;
    from.seek(SeekFrom::Start(payload)).map_err(Error::io("seek to the payload"))?;
    io::copy(from, to).map_err(Error::io("copy the payload"))?;
    Ok(rpm)
}

/// Writes a package from its headers and a payload at hand, `unpacked` bytes long before compression: as [`resign`], without unpacking it again to learn
/// that. What `rpm` holds as signature header is dropped.
///
/// # Errors
/// As [`resign`].
pub fn assemble<W, S>(mut rpm: Rpm, payload: &[u8], unpacked: u64, to: &mut W, signer: Option<S>) -> Result<Rpm, Error>
where
    W: Write,
    S: FnOnce(&[u8]) -> Result<Vec<u8>, SignError>,
{
    let mut sums = Sums::new(&rpm.header);
    sums.push(payload);
    let measured = sums.finish(&rpm.header, Ok(unpacked));
    check_payload(&rpm.header, &measured)?;
    let signature = sign(&rpm.header, signer)?;
    rpm.signature = signature_header(measured, signature.as_deref())?;
    to.write_all(&rpm.to_bytes()).map_err(Error::io("write the headers"))?;
    to.write_all(payload).map_err(Error::io("write the payload"))?;
    Ok(rpm)
}

fn sign<S>(header: &Header, signer: Option<S>) -> Result<Option<Vec<u8>>, Error>
where
    S: FnOnce(&[u8]) -> Result<Vec<u8>, SignError>,
{
    let signed = signer.map(|sign| sign(header.as_bytes()));
    signed.transpose().map_err(|source| Error::Signer { source })
}

fn signature_header(measured: Measured, signature: Option<&[u8]>) -> Result<Header, Error> {
    let payload_size = measured.payload_size.map_err(Error::io("decompress the payload"))?;
    let mut builder = HeaderBuilder::new(Tag::HEADER_SIGNATURES);
    builder
        .string(Tag::SIG_SHA1, &measured.header_sha1)?
        .string(Tag::SIG_SHA256, &measured.header_sha256)?
        .u32s(Tag::SIG_SIZE, &[narrow("bytes of header and payload", measured.size)?])
        // rpm 4.11 checks the payload with this tag alone.
        .bin(Tag::SIG_MD5, &measured.md5)
        // Without it, rpm 4.11 takes the payload for 100 bytes and prints millions of `#` while installing.
        .u32s(Tag::SIG_PAYLOAD_SIZE, &[narrow("bytes of uncompressed payload", payload_size)?])
        .bin(Tag::SIG_RESERVED_SPACE, &[0; RESERVED_SPACE]);
    if let Some(signature) = signature {
        builder.bin(Tag::SIG_RSA, signature);
    }
    builder.build(&Limits::SIGNATURE_EL7)
}

fn narrow(what: &'static str, size: u64) -> Result<u32, Error> {
    u32::try_from(size).map_err(|_| Error::Limit { what, found: size, max: u32::MAX.into() })
}

/// Compares the payload's digest in the main header (rpm since 4.14), if it is there.
fn check_payload(header: &Header, measured: &Measured) -> Result<bool, Error> {
    if header.u32(Tag::PAYLOAD_DIGEST_ALGO)?.is_some_and(|algorithm| algorithm != SHA256_ALGORITHM) {
        return Ok(false);
    }
    let stated = header.string(Tag::PAYLOAD_DIGEST)?;
    compare("SHA-256 of the payload", stated, &measured.payload_sha256)
}

/// Whether a value is stated; an error when it is stated and wrong.
fn compare<S, F>(what: &'static str, stated: Option<S>, found: &F) -> Result<bool, Error>
where
    S: PartialEq<F> + ToString,
    F: ToString + ?Sized,
{
    match stated {
        None => Ok(false),
        Some(stated) if stated == *found => Ok(true),
        Some(stated) => Err(Error::Mismatch { what, stated: stated.to_string(), found: found.to_string() }),
    }
}

/// Reads the payload to its end, hashing it and counting what it decompresses to.
fn measure(header: &Header, payload: &mut impl Read) -> Result<Measured, Error> {
    let mut sums = Sums::new(header);
    let mut decoder = Decoder::new(header)?;
    let mut unpacked = Ok(());
    let mut chunk = vec![0; CHUNK];
    loop {
        let got = match payload.read(&mut chunk) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io("read the payload")(error)),
        };
        sums.push(&chunk[..got]);
        unpacked = unpacked.and_then(|()| decoder.push(&chunk[..got]));
    }
    Ok(sums.finish(header, unpacked.and_then(|()| decoder.finish())))
}

/// The digests over main header and payload, while the payload passes by.
struct Sums {
    size: u64,
    md5: Md5,
    sha256: Sha256,
}

impl Sums {
    fn new(header: &Header) -> Self {
        let bytes = header.as_bytes();
        Self { size: bytes.len() as u64, md5: Md5::new_with_prefix(bytes), sha256: Sha256::new() }
    }

    fn push(&mut self, payload: &[u8]) {
        self.md5.update(payload);
        self.sha256.update(payload);
        self.size += payload.len() as u64;
    }

    fn finish(self, header: &Header, payload_size: io::Result<u64>) -> Measured {
        Measured {
            size: self.size,
            md5: self.md5.finalize().into(),
            header_sha1: hex(&Sha1::digest(header.as_bytes())),
            header_sha256: hex(&Sha256::digest(header.as_bytes())),
            payload_sha256: hex(&self.sha256.finalize()),
            payload_size,
        }
    }
}

/// Decompresses what it is pushed, and counts.
enum Decoder {
    Plain(Count),
    Gzip(Box<flate2::write::MultiGzDecoder<Count>>),
    Xz(Box<liblzma::write::XzDecoder<Count>>),
}

impl Decoder {
    /// Chooses by tag 1125; a package without it is gzip, as in rpm.
    fn new(header: &Header) -> Result<Self, Error> {
        match header.string(Tag::PAYLOAD_COMPRESSOR)?.unwrap_or("gzip") {
            "gzip" => Ok(Self::Gzip(Box::new(flate2::write::MultiGzDecoder::new(Count(0))))),
            "xz" => Ok(Self::Xz(Box::new(xz::writer(Count(0)).map_err(Error::io("decompress the payload"))?))),
            "" | "identity" => Ok(Self::Plain(Count(0))),
            name => Err(Error::Compressor { name: name.to_owned() }),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(count) => count.write_all(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
            Self::Xz(decoder) => decoder.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<u64> {
        let Count(bytes) = match self {
            Self::Plain(count) => count,
            Self::Gzip(decoder) => decoder.finish()?,
            Self::Xz(decoder) => decoder.finish()?,
        };
        Ok(bytes)
    }
}

/// Counts bytes and refuses more than tag 1007 can tell, so that a small file cannot keep a reader busy for long.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        if self.0 > u32::MAX.into() {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the payload unpacks to more than 4 GiB"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
