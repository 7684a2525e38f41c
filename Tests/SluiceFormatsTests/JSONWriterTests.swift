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

  @Test("a long text reaches the sink in short runs")
  func streaming() throws {
    var runs: [Int] = []
    var all: [UInt8] = []
    var writer = JSONWriter(
      to: { (bytes: [UInt8]) throws(FormatError) in
        runs.append(bytes.count)
        all += bytes
      })
    writer.beginArray()
    for value in 0..<50_000 { writer.value(.integer(value)) }
    writer.endArray()
    try writer.finish()
    #expect(runs.count > 4 && runs.allSatisfy { $0 < 1 << 17 })
    let expected = "[" + (0..<50_000).map { String($0) }.joined(separator: ",") + "]"
    #expect(all == Array(expected.utf8))
  }

  @Test("a sink that fails is not called again, and its error comes out at the end")
  func failingSink() {
    var calls = 0
    var writer = JSONWriter(
      to: { (_: [UInt8]) throws(FormatError) in
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
