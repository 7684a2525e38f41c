internal import SluiceCore
internal import SluiceFormats

/// Reads the pieces of a `tokenizer.model` of sentencepiece, whose numbers are their ids.
///
/// The file is a message of protocol buffers; field 1 of it is a piece, and field 1 of that its text. Everything
/// else (scores, how texts are cut) is stepped over.
struct SentencePieces {
  private let bytes: [UInt8]
  private let file: String
  private var offset = 0
  private var count = 0

  /// Starts at the first piece.
  init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// The next piece.
  ///
  /// - Returns: Its id and text; nil at the end.
  /// - Throws: If the file is no such message, or has no pieces.
  mutating func next() throws(FormatError) -> (id: Int, piece: String)? {
    while offset < bytes.count {
      guard let field = try self.field(end: bytes.count) else { continue }
      var text: String?
      let end = field.upperBound
      offset = field.lowerBound
      while offset < end {
        guard let inner = try self.field(end: end) else { continue }
        if text == nil { text = String(decoding: bytes[inner], as: UTF8.self) }
        offset = inner.upperBound
      }
      guard let text else { throw refusal("a piece without a text") }
      defer { count += 1 }
      return (count, text)
    }
    guard count > 0 else { throw refusal("it has no pieces") }
    return nil
  }

  /// Reads a field: the bytes of field 1, where the next one is to be read from afterwards; other fields are
  /// stepped over, and nil.
  private mutating func field(end: Int) throws(FormatError) -> Range<Int>? {
    let key = try number(end: end)
    switch key & 7 {
    case 0: _ = try number(end: end)
    case 1: try step(8, end: end)
    case 5: try step(4, end: end)
    case 2:
      let length = try number(end: end)
      guard length <= UInt64(end - offset) else { throw refusal("a field is longer than the file") }
      let range = offset..<offset + Int(length)
      if key >> 3 == 1 { return range }
      offset = range.upperBound
    default: throw refusal("a field of a kind that there is not")
    }
    return nil
  }

  private mutating func step(_ byteCount: Int, end: Int) throws(FormatError) {
    guard byteCount <= end - offset else { throw refusal("it ends in the middle of a field") }
    offset += byteCount
  }

  /// A number in groups of seven bits, the lowest first.
  private mutating func number(end: Int) throws(FormatError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard offset < end else { throw refusal("it ends in the middle of a field") }
      let byte = bytes[offset]
      offset += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    throw refusal("a number of more than 64 bits")
  }

  private func refusal(_ message: String) -> FormatError {
    FormatError.badInput(
      "not a vocabulary of sentencepiece: \(message)", file: file,
      byteRange: offset..<min(offset + 1, bytes.count),
      remedy: "Save the model's tokenizer beside its weights as tokenizer.json (save_pretrained).")
  }
}
