import SluiceCore
import SluiceFormats
import Testing

@Suite struct JSONWriterTests {
  private func text(indentation: Int = 0, _ body: (inout JSONWriter) -> Void) -> String {
    String(decoding: JSONWriter.bytes(indentation: indentation, body), as: UTF8.self)
  }

  private func sample(_ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("a", 1)
    writer.key("b")
    writer.beginArray()
    writer.value(true)
    writer.value(nil)
    writer.beginObject()
    writer.endObject()
    writer.endArray()
    writer.key("c")
    writer.beginArray(isOnOneLine: true)
    writer.value(0.5)
    writer.beginObject()
    writer.member("d", "e")
    writer.endObject()
    writer.endArray()
    writer.endObject()
  }

  @Test(
    "elements made elsewhere are written as if they were made here",
    arguments: [0, 1], [false, true])
  func elementsMadeElsewhere(indentation: Int, isOnOneLine: Bool) {
    func element(_ writer: inout JSONWriter, _ number: Int) {
      writer.beginObject()
      writer.member("number", number)
      writer.endObject()
    }
    func list(_ write: (inout JSONWriter) -> Void) -> String {
      text(indentation: indentation) { writer in
        writer.beginObject()
        writer.key("list")
        writer.beginArray(isOnOneLine: isOnOneLine)
        write(&writer)
        writer.endArray()
        writer.endObject()
      }
    }
    for count in 0...4 {
      let whole = list { writer in for number in 0..<count { element(&writer, number) } }
      for cut in 0...count {
        let inParts = list { writer in
          for part in [0..<cut, cut..<count] {
            let text = JSONWriter.elements(at: writer.place) { writer in
              for number in part { element(&writer, number) }
            }
            writer.append(elements: text)
          }
        }
        #expect(inParts == whole)
      }
    }
  }

  @Test("a text without white space")
  func compact() {
    #expect(text(sample) == #"{"a":1,"b":[true,null,{}],"c":[0.5,{"d":"e"}]}"#)
  }

  @Test("an indented text, with containers on one line where asked for")
  func indented() {
    #expect(
      text(indentation: 2, sample) == """
        {
          "a": 1,
          "b": [
            true,
            null,
            {}
          ],
          "c": [0.5, {"d": "e"}]
        }
        """)
  }

  @Test("strings are escaped so that they read back the same")
  func strings() throws {
    let value = "\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}é😀\u{2028}"
    let bytes = JSONWriter.bytes { $0.value(.string(value)) }
    let expected = #""\"\\/\b\f\n\r\t\u0000\u001f"# + "\u{7f}é😀\u{2028}\""
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
    let found = try bytes.withUnsafeBytes { buffer in
      var scanner = JSONScanner(buffer)
      return try scanner.string()
    }
    #expect(found == value)
  }

  @Test("numbers are shortest and read back the same; what is not finite is null")
  func numbers() throws {
    for value in [0.1, 1e-5, 1e300, .leastNonzeroMagnitude, -2.0, .pi, 1e16] {
      let bytes = JSONWriter.bytes { $0.value(.double(value)) }
      let found = try bytes.withUnsafeBytes { buffer in
        var scanner = JSONScanner(buffer)
        return try scanner.double()
      }
      #expect(found == value)
    }
    #expect(text { $0.value(.double(0.1)) } == "0.1")
    #expect(text { $0.value(.float(0.1)) } == "0.1")
    #expect(text { $0.value(.double(.nan)) } == "null")
    #expect(text { $0.value(.float(.infinity)) } == "null")
    #expect(text { $0.value(.integer(.min)) } == "-9223372036854775808")
    #expect(text { $0.value(.unsignedInteger(.max)) } == "18446744073709551615")
  }

  @Test("numbers are written as their descriptions have them")
  func descriptions() {
    var state: UInt64 = 11
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 11
    }
    var values = [
      0, 1, 10, 1e15, 1e16, 1e-3, 1e-4, 1e-5, 0x1p53, 0x1p53 - 1, 0.3, .leastNonzeroMagnitude,
    ]
    for exponent in -140...60 {
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      values += [power, power.nextUp, power.nextDown, power * 1.1]
    }
    for _ in 0..<20_000 {
      let (share, power) = (Double(next()) * 0x1p-53, Int(next() % 200) - 140)
      values += [
        share, share * 1e-3, Double(sign: .plus, exponent: power, significand: 1 + share),
        Double(next() % 5120) / 5120, Double(Float(share)), Double(next() % 100_000) / 1000,
        Double(next()), Double(bitPattern: next() << 11 | next() & 2047),
      ]
    }
    for value in values where value.isFinite {
      for value in [value, -value] where text({ $0.value(value) }) != value.description {
        Issue.record("\(value) is written as \(text { $0.value(value) })")
      }
      let short = Float(value)
      if short.isFinite, text({ $0.value(short) }) != short.description {
        Issue.record("\(short) is written as \(text { $0.value(short) })")
      }
    }
  }

  @Test("whole numbers of any length, and keys that are not known before")
  func wholeNumbers() {
    var (value, values): (Int, [Int]) = (1, [0, 9, 10, 99, 100, .max, .min])
    for _ in 0..<18 {
      values += [value, value - 1, -value]
      value *= 10
    }
    for value in values { #expect(text { $0.value(value) } == value.description) }
    let named = text { json in
      json.beginObject()
      json.member("plain", "a")
      json.member(named: "\"", 1)
      json.endObject()
    }
    #expect(named == #"{"plain":"a","\"":1}"#)
  }

  @Test("a long text reaches the sink in short runs")
  func streaming() throws {
    var runs: [Int] = []
    var all: [UInt8] = []
    var writer = JSONWriter(
      to: { (bytes: RawSpan) throws(FormatError) in
        runs.append(bytes.byteCount)
        bytes.withUnsafeBytes { all += $0 }
      })
    writer.beginArray()
    for value in 0..<50_000 { writer.value(.integer(value)) }
    writer.endArray()
    try writer.finish()
    #expect(runs.count > 4 && runs.allSatisfy { $0 < 1 << 17 })
    let expected = "[" + (0..<50_000).map { String($0) }.joined(separator: ",") + "]"
    #expect(all == Array(expected.utf8))
  }

  @Test("long elements made elsewhere go to the sink in their order")
  func longElements() throws {
    var all: [UInt8] = []
    var writer = JSONWriter(
      indentation: 1,
      to: { (bytes: RawSpan) throws(FormatError) in bytes.withUnsafeBytes { all += $0 } })
    writer.beginArray()
    for count in [3, 20_000, 0, 1, 30_000] {
      writer.append(
        elements: JSONWriter.elements(at: writer.place) { writer in
          for value in 0..<count { writer.value(value) }
        })
    }
    writer.endArray()
    try writer.finish()
    let expected = text(indentation: 1) { writer in
      writer.beginArray()
      for count in [3, 20_000, 0, 1, 30_000] { for value in 0..<count { writer.value(value) } }
      writer.endArray()
    }
    #expect(String(decoding: all, as: UTF8.self) == expected)
  }

  @Test("a sink that fails is not called again, and its error comes out at the end")
  func failingSink() {
    var calls = 0
    var writer = JSONWriter(
      to: { (_: RawSpan) throws(FormatError) in
        calls += 1
        throw FormatError(Failure(.inputOutput, message: "disk full"))
      })
    writer.beginArray()
    for value in 0..<50_000 { writer.value(.integer(value)) }
    writer.endArray()
    do {
      try writer.finish()
      Issue.record("no error")
    } catch {
      #expect(error.failure.message == "disk full")
    }
    #expect(calls == 1)
  }

  @Test("a value without its key traps")
  func misuse() async {
    await #expect(processExitsWith: .failure) {
      _ = JSONWriter.bytes { writer in
        writer.beginObject()
        writer.value(1)
      }
    }
  }
}
