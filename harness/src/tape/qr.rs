//! Texts of QR codes for payments: objects of an id of two digits, a length of two digits and a value, the last of them (63) a checksum over
//! all before it (EMVCo, Merchant-Presented Mode, section 4.7.3; the Manual do BR Code of Brazil's central bank prescribes it for Pix).

/// How such a text begins: object 00, the version of the format.
const BEGIN: &str = "000201";

/// The checksum of the text of a QR code that `text` ends with, up to the length of the checksum's own object: four upper-case hexadecimal
/// digits. None where no such text begins.
pub(super) fn checksum(text: &str) -> Option<String> {
    let code = text.get(text.rfind(BEGIN)?..)?;
    Some(format!("{:04X}", crc16(code.as_bytes())))
}

/// CRC-16 with polynomial 1021 and first value FFFF, nothing reflected (CCITT-FALSE).
fn crc16(bytes: &[u8]) -> u16 {
    let shifted = |sum: u16| if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 };
    bytes.iter().fold(0xFFFF, |sum, byte| (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| shifted(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the central bank's manual.
    const CODE: &str = "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***6304";

    #[test]
    fn the_checksum_is_that_of_the_manual() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
        assert_eq!(checksum(CODE).as_deref(), Some("1D3D"));
        assert_eq!(checksum(&format!("{{\"pixCopiaECola\": \"{CODE}")).as_deref(), Some("1D3D"));
        assert_eq!(checksum("6304"), None);
    }
}
