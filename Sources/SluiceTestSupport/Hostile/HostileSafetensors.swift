/// Safetensors files that each break one rule, with what the error must say.
package enum HostileSafetensors: String, CaseIterable, Sendable {
  case empty, shorterThanPrefix, lengthAboveLimit, lengthNearOverflow, lengthBeyondFile, noHeader
  case notAnObject, trailingNul, trailingText, cutText, badUTF8, loneSurrogate, controlCharacter
  case deepNesting, trailingComma
  case metadataTwice, metadataNotStrings, metadataNotAnObject
  case entryNotAnObject, dtypeTwice, shapeTwice, offsetsTwice, noDType, noShape, noOffsets
  case unknownDType, dtypeNotAString, threeOffsets, negativeOffset, fractionOffset, exponentOffset
  case negativeExtent, extentAbove63Bits, extentAbove64Bits, shapeOverflow, byteOverflow, packedBits
  case backwardOffsets, lengthMismatch, offsetBeyondFile
  case hole, holeAtStart, overlap, sameRange, emptyTensorInside, trailingByte, shortData
  case nameTwiceAlike, nameTwiceEmpty, nameTwiceEscaped

  /// The file.
  package var bytes: [UInt8] { crafted.bytes }
  /// What the message must contain.
  package var expectedMessage: String { crafted.message }

  private var crafted: (bytes: [UInt8], message: String) { framing ?? entries ?? layout }

  private static func header(_ text: String, _ dataByteCount: Int = 0) -> [UInt8] {
    SafetensorsBytes.file(text, dataByteCount: dataByteCount)
  }

  /// A file with one tensor of four bytes, some of whose fields are replaced.
  private static func one(
    dtype: String = #""dtype":"U8","#, shape: String = #""shape":[4],"#,
    offsets: String = #""data_offsets":[0,4],"#
  ) -> [UInt8] {
    header("{\"a\":{\(dtype)\(shape)\(offsets)\"x\":0}}", 4)
  }

  private var framing: ([UInt8], String)? {
    let good = SafetensorsBytes.entry("a", [4], 0, 4)
    return switch self {
    case .empty: ([], "found only 0 bytes")
    case .shorterThanPrefix: ([2, 0, 0, 0, 0, 0, 0], "found only 7 bytes")
    case .lengthAboveLimit:
      (SafetensorsBytes.file("{}", length: 100_000_001), "at most 100000000 are allowed")
    case .lengthNearOverflow:
      (SafetensorsBytes.file("{}", length: .max - 4), "at most 100000000 are allowed")
    case .lengthBeyondFile: (SafetensorsBytes.file("{}", length: 3), "a header of 3 bytes")
    case .noHeader: (SafetensorsBytes.file(""), "expected an object, found the end of the text")
    case .notAnObject: (Self.header("[]"), "expected an object, found '['")
    case .trailingNul: (Self.header("{}\0"), "expected the end of the text, found byte 0x00")
    case .trailingText: (Self.header("{}{}"), "expected the end of the text, found '{'")
    case .cutText: (Self.header("{\(good)", 4), "expected ',' or '}', found the end of the text")
    case .badUTF8:
      (SafetensorsBytes.file(Array("{\"".utf8) + [0xC0, 0x80] + Array("\":1}".utf8)), "not UTF-8")
    case .loneSurrogate: (Self.header(#"{"\ud800":1}"#), "half of a surrogate pair")
    case .controlCharacter: (Self.header("{\"a\nb\":1}"), "a control character in a string")
    case .deepNesting:
      (
        Self.header(#"{"a":{"x":"# + String(repeating: "[", count: 100_000)),
        "nested more than 128 levels deep"
      )
    case .trailingComma: (Self.header("{\(good),}", 4), "another member behind ','")
    case .metadataTwice:
      (Self.header(#"{"__metadata__":{},"__metadata__":{}}"#), "__metadata__ occurs twice")
    case .metadataNotStrings:
      (
        Self.header(#"{"__metadata__":{"step":1}}"#),
        "the value of step in __metadata__ is no string"
      )
    case .metadataNotAnObject:
      (Self.header(#"{"__metadata__":[]}"#), "expected an object, found '['")
    default: nil
    }
  }

  private var entries: ([UInt8], String)? {
    let big = "9223372036854775808"
    return switch self {
    case .entryNotAnObject: (Self.header(#"{"a":1}"#), "expected an object, found '1'")
    case .dtypeTwice: (Self.one(dtype: #""dtype":"U8","dtype":"U8","#), "dtype occurs twice")
    case .shapeTwice: (Self.one(shape: #""shape":[4],"shape":[4],"#), "shape occurs twice")
    case .offsetsTwice:
      (
        Self.one(offsets: #""data_offsets":[0,4],"d\u0061ta_offsets":[0,4],"#),
        "data_offsets occurs twice"
      )
    case .noDType: (Self.one(dtype: ""), "no dtype")
    case .noShape: (Self.one(shape: ""), "no shape")
    case .noOffsets: (Self.one(offsets: ""), "no data_offsets")
    case .unknownDType: (Self.one(dtype: #""dtype":"u8","#), "unknown dtype u8")
    case .dtypeNotAString: (Self.one(dtype: #""dtype":8,"#), "expected a string, found '8'")
    case .threeOffsets: (Self.one(offsets: #""data_offsets":[0,4,4],"#), "expected 2 data_offsets")
    case .negativeOffset: (Self.one(offsets: #""data_offsets":[-4,0],"#), "not negative")
    case .fractionOffset: (Self.one(offsets: #""data_offsets":[0.0,4],"#), "expected an integer")
    case .exponentOffset: (Self.one(offsets: #""data_offsets":[0,4e0],"#), "expected an integer")
    case .negativeExtent: (Self.one(shape: #""shape":[-4],"#), "not negative")
    case .extentAbove63Bits: (Self.one(shape: "\"shape\":[\(big)],"), "a number above")
    case .extentAbove64Bits: (Self.one(shape: "\"shape\":[\(big)0],"), "above 64 bits")
    case .shapeOverflow:
      (Self.one(shape: #""shape":[4294967296,4294967296],"#), "a shape of more than")
    case .byteOverflow:
      (
        Self.one(dtype: #""dtype":"F64","#, shape: #""shape":[4611686018427387904],"#),
        "no whole number of bytes"
      )
    case .packedBits:
      (Self.one(dtype: #""dtype":"F4","#, shape: #""shape":[7],"#), "no whole number of bytes")
    case .backwardOffsets: (Self.one(offsets: #""data_offsets":[4,0],"#), "run backwards")
    case .lengthMismatch: (Self.one(shape: #""shape":[5],"#), "takes 5 bytes")
    case .offsetBeyondFile:
      (
        Self.one(shape: #""shape":[5],"#, offsets: #""data_offsets":[0,5],"#),
        "in a file with 4 bytes of data"
      )
    default: nil
    }
  }

  private var layout: ([UInt8], String) {
    func file(_ dataByteCount: Int, _ entries: (String, Int, Int, Int)...) -> [UInt8] {
      let members = entries.map { SafetensorsBytes.entry($0.0, [$0.1], $0.2, $0.3) }
      return Self.header("{\(members.joined(separator: ","))}", dataByteCount)
    }
    return switch self {
    case .hole: (file(9, ("a", 4, 0, 4), ("b", 4, 5, 9)), "a hole before the tensor")
    case .holeAtStart: (file(5, ("a", 4, 1, 5)), "a hole before the tensor")
    case .overlap: (file(7, ("a", 4, 0, 4), ("b", 4, 3, 7)), "overlaps")
    case .sameRange: (file(4, ("a", 4, 0, 4), ("b", 4, 0, 4)), "overlaps")
    case .emptyTensorInside: (file(4, ("a", 4, 0, 4), ("b", 0, 2, 2)), "overlaps")
    case .trailingByte: (file(5, ("a", 4, 0, 4)), "the tensors end at byte")
    case .shortData: (file(3, ("a", 4, 0, 4)), "in a file with 3 bytes of data")
    case .nameTwiceAlike: (file(4, ("a", 4, 0, 4), ("a", 4, 0, 4)), "name occurs twice")
    case .nameTwiceEmpty: (file(4, ("a", 4, 0, 4), ("a", 0, 4, 4)), "name occurs twice")
    default: (file(8, ("a", 4, 0, 4), ("\\u0061", 4, 4, 8)), "name occurs twice")
    }
  }
}
