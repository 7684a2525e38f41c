import SluiceFormats
import Testing

@Suite struct JSONScannerTests {
  private func scan<T>(
    _ text: some Sequence<UInt8>, _ read: (inout JSONScanner) throws -> T
  ) throws -> T {
    try Array(text).withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes, file: "x")
      let value = try read(&scanner)
      try scanner.end()
      return value
    }
  }

  @Test(
    "what RFC 8259 allows is read",
    arguments: [
      "{}", "[]", " [ ] ", "0", "-0", "-1", "10", "1.5", "0.0e-0", "1E+2", "true", "false", "null",
      #""""#, #""\"\\\/\b\f\n\r\t\u0041""#, #""\ud83d\ude00""#, "\"\u{7f}\u{2028}é😀\"",
      #"[1,[2,{"a":[]}],"b"]"#, #"{"a":{"a":1,"a":2},"":null}"#, "\t\r\n 1 \n",
    ])
  func valid(_ text: String) throws {
    _ = try scan(text.utf8) { try $0.skipValue() }
  }

  @Test(
    "what RFC 8259 does not allow is refused",
    arguments: [
      "", " ", "{", "[", "}", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "{]", "{,}",
      #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1 "b":2}"#, "{a:1}", "{1:1}", "{'a':1}",
      "01", "-", "-01", "+1", ".5", "1.", "1.e1", "1e", "1e+", "0x1", "1_0", "NaN", "Infinity",
      "-Infinity", "tru", "True", "nul", "nulll", "1 1", "\"", "\"\\\"", #""\x""#, #""\u12g4""#,
      #""\u123""#, #""\ud800""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\udc00""#,
      #""\ud800\ud800""#, "\"\u{1}\"", "\"\n\"", "\u{FEFF}{}", "// a\n1", "{}\0", "\u{A0}1",
    ])
  func invalid(_ text: String) {
    let error = #expect(throws: FormatError.self) {
      try scan(text.utf8) { try $0.skipValue() }
    }
    #expect(error?.failure.message.hasPrefix("invalid JSON: ") == true)
  }

  @Test(
    "bytes that are not UTF-8 are refused in strings",
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF],
      [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xEF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF],
    ] as [[UInt8]])
  func invalidUTF8(_ bytes: [UInt8]) {
    #expect(throws: FormatError.self) {
      try scan([0x22] + bytes + [0x22]) { try $0.skipValue() }
    }
  }

  @Test("every scalar value is read, as it is and escaped")
  func everyScalar() throws {
    for value in stride(from: UInt32(0x20), through: 0x10FFFF, by: 97) {
      guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
      let plain = try scan("\"\(scalar)\"".utf8) { try $0.string() }
      let units = String(scalar).utf16.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
      let escaped = try scan("\"\(units.joined())\"".utf8) { try $0.string() }
      #expect(plain.unicodeScalars.elementsEqual([scalar]))
      #expect(escaped.unicodeScalars.elementsEqual([scalar]))
    }
  }

  @Test("integers are exact up to the last that fits, and refused beyond")
  func integers() throws {
    #expect(try scan("18446744073709551615".utf8) { try $0.unsignedInteger() } == .max)
    #expect(try scan("9223372036854775807".utf8) { try $0.integer() } == .max)
    #expect(try scan("-9223372036854775808".utf8) { try $0.integer() } == .min)
    #expect(try scan("-0".utf8) { try $0.integer() } == 0)
    for text in ["18446744073709551616", "99999999999999999999", "-1", "-0", "1.0", "1e2"] {
      #expect(throws: FormatError.self) { try scan(text.utf8) { try $0.unsignedInteger() } }
    }
    for text in ["9223372036854775808", "-9223372036854775809", "1.0", "1e2"] {
      #expect(throws: FormatError.self) { try scan(text.utf8) { try $0.integer() } }
    }
  }

  @Test("numbers are the nearest Doubles, and refused beyond their range")
  func doubles() throws {
    for value in [0.1, -1.5e-7, .leastNonzeroMagnitude, 1.7976931348623157e308, 123456789] {
      #expect(try scan("\(value)".utf8) { try $0.double() } == value)
    }
    #expect(throws: FormatError.self) { try scan("1e400".utf8) { try $0.double() } }
  }

  @Test("Python's numbers are read only where that was asked for")
  func pythonNumbers() throws {
    try Array("[NaN, Infinity, -Infinity]".utf8).withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes, acceptsPythonNumbers: true)
      var values: [Double] = []
      try scanner.beginArray()
      while try scanner.nextElement() { values.append(try scanner.double()) }
      #expect(values.count == 3 && values[0].isNaN && values[1...] == [.infinity, -.infinity])
    }
    #expect(throws: FormatError.self) { try scan("[NaN]".utf8) { try $0.skipValue() } }
  }

  @Test("depth is limited exactly")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try scan(nested(128).utf8) { try $0.skipValue() }
    #expect(throws: FormatError.self) { try scan(nested(129).utf8) { try $0.skipValue() } }
  }

  @Test("members come in their order, twice where they occur twice")
  func members() throws {
    let keys = try scan(#"{"b": [1, {"x": 2}], "a\u0062": {}, "b": "c"}"#.utf8) { scanner in
      var keys: [String] = []
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        keys.append(scanner.string(of: key))
        #expect(scanner.text(key, equals: "ab") == (keys.count == 2))
        try scanner.skipValue()
      }
      return keys
    }
    #expect(keys == ["b", "ab", "b"])
  }
}
