import SluiceArchitecture
import SluiceFormats
import Testing

@Suite("Tables of tokens")
struct TokenTableTests {
  private static func table(_ vocabulary: String, added: String = "") throws -> TokenTable {
    try TokenTable(
      tokenizer: Array(
        #"{"added_tokens": [\#(added)], "model": {"type": "BPE", "vocab": \#(vocabulary)}}"#.utf8))
  }

  @Test("maps, lists of pieces and added tokens give the same table")
  func forms() throws {
    let map = try Self.table(#"{"a": 0, "b": 1, "c": 2}"#)
    let list = try Self.table(#"[["a", -1.0], ["b", -2.5], ["c", 0]]"#)
    let added = try Self.table(#"{"a": 0, "b": 1}"#, added: #"{"id": 2, "content": "c"}"#)
    #expect(map.tokens == list.tokens && map.tokens == added.tokens && map.count == 3)
  }

  @Test("tables are compared id by id")
  func comparison() throws {
    let base = try Self.table(#"{"a": 0, "b": 1, "c": 2, "d": 3}"#)
    let model = try Self.table(#"{"a": 0, "c": 1, "b": 2, "e": 5}"#)
    let found = VocabularyComparison(model, with: base)
    #expect(found.common == 1 && found.differing == 2 && found.firstDiffering == 1)
    #expect(found.added == 1 && found.missing == 1)
  }

  @Test(
    "tables that are none are refused",
    arguments: [
      #"{"a": -1}"#, #"{"a": 99999999999}"#, #"{"a": "b"}"#, #"[[]]"#, #"[1]"#,
    ])
  func refused(vocabulary: String) {
    #expect(throws: FormatError.self) { try Self.table(vocabulary) }
  }
}
