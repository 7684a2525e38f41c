import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite struct SafetensorsHeaderTests {
  @Test(
    "a file that breaks a rule is refused with the reason", arguments: HostileSafetensors.allCases)
  func hostileFile(_ hostile: HostileSafetensors) throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(hostile.bytes, to: "hostile.safetensors")
    let error = #expect(throws: FormatError.self) { try SafetensorsFile.open(path) }
    let failure = try #require(error?.failure)
    #expect(failure.message.contains(hostile.expectedMessage), "\(failure.message)")
    #expect(failure.exitCode == .badInput)
    #expect(failure.subject.file == path)
  }

  @Test(
    "what the safetensors library accepts is accepted",
    arguments: [
      ("{}", 0, 0),
      (" \n\t\r{} \n", 0, 0),
      (#"{"__metadata__":null}"#, 0, 0),
      (#"{"__metadata__":{}}"#, 0, 0),
      (#"{"":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, 1),
      (#"{"../../x":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":[{"a":null}]}}"#, 4, 1),
      (#"{"a":{"shape":[0,3],"dtype":"F64","data_offsets":[0,0]}}"#, 0, 1),
      (
        #"{"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},"#
          + #""a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
          + #""z":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#, 5, 3
      ),
      (#"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#, 1, 1),
      (#"{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}"#, 3, 1),
    ])
  func oddFile(_ text: String, _ dataByteCount: Int, _ tensorCount: Int) throws {
    let scratch = try ScratchDirectory()
    let bytes = SafetensorsBytes.file(text, dataByteCount: dataByteCount)
    let file = try SafetensorsFile.open(try scratch.write(bytes, to: "odd.safetensors"))
    #expect(file.header.tensors.count == tensorCount)
    #expect(file.header.byteCount == 8 + text.utf8.count)
  }

  @Test("entries come in the order of their bytes, with absolute ranges")
  func entries() throws {
    let text =
      "{" + SafetensorsBytes.entry("b", [2, 3], 4, 16, dtype: "BF16") + ","
      + #""__metadata__":{"format":"pt","note":"\u00e9\n"},"#
      + SafetensorsBytes.entry("a", [1], 0, 4, dtype: "F32") + "}"
    let bytes = SafetensorsBytes.file(text, dataByteCount: 16)
    let header = try bytes.withUnsafeBytes {
      try SafetensorsHeader.parse(
        UnsafeRawBufferPointer(rebasing: $0[8..<8 + text.utf8.count]), fileByteCount: bytes.count,
        file: "x")
    }
    let start = 8 + text.utf8.count
    let a = TensorEntry(
      name: "a", dtype: .f32, shape: try #require(TensorShape([1])), byteRange: start..<start + 4)
    let b = TensorEntry(
      name: "b", dtype: .bf16, shape: try #require(TensorShape([2, 3])),
      byteRange: start + 4..<start + 16)
    #expect(header.tensors == [a, b])
    #expect(header.metadata == ["format": "pt", "note": "é\n"])
  }

  @Test("every dtype of the format is known by its spelling", arguments: DType.allCases)
  func everyDType(_ dtype: DType) throws {
    let byteCount = try #require(dtype.byteCount(ofElements: 8))
    let text = "{\(SafetensorsBytes.entry("a", [8], 0, byteCount, dtype: dtype.rawValue))}"
    let scratch = try ScratchDirectory()
    let path = try scratch.write(
      SafetensorsBytes.file(text, dataByteCount: byteCount), to: "a.safetensors")
    #expect(try SafetensorsFile.open(path).header.tensors.first?.dtype == dtype)
  }

  @Test("a header of exactly the limit is allowed, one byte more is not")
  func longestHeader() throws {
    let limit = SafetensorsHeader.maximumTextByteCount
    func prefix(_ length: Int) -> [UInt8] {
      Array(SafetensorsBytes.file("", length: UInt64(length)))
    }
    let size = try SafetensorsHeader.textByteCount(
      prefix: prefix(limit), fileByteCount: 8 + limit, file: "x")
    #expect(size == limit)
    #expect(throws: FormatError.self) {
      try SafetensorsHeader.textByteCount(
        prefix: prefix(limit + 1), fileByteCount: 9 + limit, file: "x")
    }
  }

  @Test("more dimensions or tensors than any model has are refused, and long metadata is not kept")
  func limits() throws {
    let scratch = try ScratchDirectory()
    func open(_ text: String, _ dataByteCount: Int = 0) throws -> SafetensorsHeader {
      let bytes = SafetensorsBytes.file(text, dataByteCount: dataByteCount)
      return try SafetensorsFile.open(try scratch.write(bytes, to: "x.safetensors")).header
    }
    func tensor(_ name: String, rank: Int) -> String {
      SafetensorsBytes.entry(name, Array(repeating: 0, count: rank), 0, 0)
    }
    #expect(try open("{\(tensor("a", rank: 65536))}").tensors.first?.shape.rank == 65536)
    let rank = #expect(throws: FormatError.self) { try open("{\(tensor("a", rank: 65537))}") }
    #expect(rank?.failure.message == "more dimensions than any model has")
    #expect(rank?.failure.subject.tensor == "a")
    let metadata = (0..<20_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
    let header = try open("{\"__metadata__\":{\(metadata)}}")
    #expect(header.metadata["7"] == "" && header.metadata["19999"] == nil)
    // The index is bounded alike; a whole header of so many entries would take long in debug builds.
    let names = (0...Checkpoint.maximumTensorCount).map { "\"\($0)\":\"a\"" }.joined(separator: ",")
    try scratch.write(
      Array("{\"weight_map\":{\(names)}}".utf8), to: "model.safetensors.index.json")
    let count = #expect(throws: FormatError.self) { try Checkpoint.open(scratch.path) }
    #expect(count?.failure.message == "more than 262144 tensors")
  }

  @Test("an error names the byte where the text goes wrong")
  func errorOffset() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(SafetensorsBytes.file(#"{"a" 1}"#), to: "a.safetensors")
    let error = #expect(throws: FormatError.self) { try SafetensorsFile.open(path) }
    #expect(error?.failure.subject.byteRange == 13..<14)
    #expect(error?.failure.message == "invalid JSON: expected ':', found '1'")
  }
}
