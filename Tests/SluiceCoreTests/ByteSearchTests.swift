import SluiceCore
import Testing

@Suite("Bytes inside of bytes")
struct ByteSearchTests {
  @Test(
    "a text is found wherever its bytes stand",
    arguments: [
      ("model.norm.weight", "norm", true), ("norm", "norm", true), ("nor", "norm", false),
      ("nonorm", "norm", true), ("nornorm", "norm", true), ("norn", "norm", false),
      ("", "", true), ("x", "", true), ("", "x", false), ("überall", "all", true),
      // Characters would differ: the mark belongs to the letter before it.
      ("norm\u{301}", "norm", true),
    ])
  func search(text: String, part: String, isFound: Bool) {
    #expect(text.contains(bytesOf: part) == isFound)
  }
}
