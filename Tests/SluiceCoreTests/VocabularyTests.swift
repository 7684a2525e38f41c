import SluiceCore
import Testing

@Suite("Vocabulary")
struct VocabularyTests {
  @Test(
    "sizes are read as people write them",
    arguments: [
      ("0", 0), ("512", 512), ("512B", 512), ("96MiB", 96 << 20), ("5GB", 5_000_000_000),
      ("1.5 GiB", 3 << 29), ("2kB", 2000), ("64kib", 65536), ("1T", 1_000_000_000_000),
    ])
  func sizes(text: String, bytes: Int) {
    #expect(ByteCount(text)?.bytes == bytes)
  }

  @Test(
    "other texts are no sizes",
    arguments: [
      "", "MiB", "-1", "1.5", "12 34", "1e3", "5 apples", "9999999TiB", "0x10", "1.2.3MB",
    ])
  func noSizes(text: String) {
    #expect(ByteCount(text) == nil)
  }

  @Test("sizes are written in the largest unit that fits")
  func descriptions() {
    #expect(ByteCount(1023).description == "1023 B")
    #expect(ByteCount(1536).description == "1.5 KiB")
    #expect(ByteCount.mebibytes(96).description == "96 MiB")
    #expect(ByteCount(5_000_000_000).description == "4.6 GiB")
    #expect(ByteCount((1 << 20) + 1).roundedUpToMebibytes == "2MiB")
  }

  @Test(
    "partitions are the rates from the requested one up to below 1, most severe first",
    arguments: [
      (0.8, 0.1, [0.9, 0.8]), (0.9, 0.1, [0.9]), (0.95, 0.1, [0.95]),
      (0.7, 0.1, [0.7 + 0.2, 0.7 + 0.1, 0.7]), (0.5, 0.25, [0.75, 0.5]), (0, 0.5, [0.5, 0]),
    ])
  func partitions(rate: Double, width: Double, expected: [Double]) throws {
    let rates = try #require(PruningRate(rate)).partitions(width: width)
    #expect(rates.map(\.value) == expected)
  }

  @Test("a rate lies in 0 ..< 1") func rates() {
    for value in [-0.1, 1, 1.5, .nan, .infinity] { #expect(PruningRate(value) == nil) }
    #expect(PruningRate(0) != nil && PruningRate(0.999) != nil)
  }

  @Test("shapes refuse what does not fit an Int") func shapes() {
    #expect(TensorShape([])?.elementCount == 1)
    #expect(TensorShape([3, 0, 5])?.elementCount == 0)
    #expect(TensorShape([-1]) == nil)
    #expect(TensorShape([1 << 40, 1 << 40]) == nil)
    #expect(TensorShape([4, 2])?.description == "[4, 2]")
  }

  @Test("shapes that differ in rows alone are told from others") func rows() throws {
    let shape = try #require(TensorShape([4, 2]))
    #expect(shape.matchesExceptRows(try #require(TensorShape([9, 2]))))
    #expect(!shape.matchesExceptRows(try #require(TensorShape([4, 3]))))
    #expect(!shape.matchesExceptRows(try #require(TensorShape([4, 2, 1]))))
    #expect(!(try #require(TensorShape([])).matchesExceptRows(try #require(TensorShape([])))))
  }

  @Test("dtypes know their width") func dtypes() {
    #expect(DType.allCases.count == 22)
    #expect(DType.bf16.byteCount == 2 && DType.f4.byteCount == nil && DType.f64.bitCount == 64)
    #expect(DType.allCases.filter(\.isMergeable) == [.f16, .bf16, .f32, .f64])
  }

  @Test("names are printed without control characters") func printable() {
    #expect("a\u{1b}[2Jb\n".printable == "a\\u{1b}[2Jb\\u{a}")
    #expect("模型.重み".printable == "模型.重み")
    let long = String(repeating: "é", count: 5000)
    #expect(long.printable == String(repeating: "é", count: 1000) + "... (10000 bytes)")
    let shape = TensorShape(Array(repeating: 1, count: 70))
    #expect(shape?.description.hasSuffix("1, 1, ... 70 dimensions]") == true)
  }

  @Test("a subject names all that is known") func subject() {
    let subject = Subject(model: "math", file: "a.safetensors", tensor: "x", byteRange: 8..<24)
    #expect(subject.description == "model math, a.safetensors, tensor x, bytes 8..<24")
  }
}
