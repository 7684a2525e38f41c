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

  /// A piece as sentencepiece writes it: its text, its score, and its kind.
  private static func piece(_ text: String, kind: UInt8? = nil) -> [UInt8] {
    let body =
      [0x0A, UInt8(text.utf8.count)] + Array(text.utf8) + [0x15, 0, 0, 0x80, 0xBF]
      + (kind.map { [0x18, $0] } ?? [])
    return [0x0A, UInt8(body.count)] + body
  }

  @Test("pieces of sentencepiece are numbered in their order, and configs add what has no id yet")
  func pieces() throws {
    let bytes =
      Self.piece("<unk>", kind: 2) + Self.piece("▁the") + [0x12, 2, 0x0A, 0] + Self.piece("a")
    var table = try TokenTable(
      pieces: bytes, keeping: [TokenTable.hash(of: "<x>"), TokenTable.hash(of: "a")])
    #expect(table.tokens == ["<unk>", "▁the", "a"].map { TokenTable.hash(of: $0) })
    try table.addConfig(
      Array(
        #"{"a": 1, "added_tokens_decoder": {"1": {"content": "no"}, "4": {"content": "<x>", "lstrip": true}}}"#
          .utf8), "tokenizer_config.json")
    #expect(!table.differs(1, "▁the") && !table.differs(4, "<x>") && table.count == 4)
    #expect(table.texts.values.map(\.text).sorted() == ["<x>", "a"])
    #expect(table.texts[TokenTable.hash(of: "<x>")]?.flags == ["lstrip": true])
    for end in 1..<bytes.count where end != Self.piece("<unk>", kind: 2).count {
      // Cut anywhere but between fields, it is no vocabulary.
      let cut = try? TokenTable(pieces: Array(bytes[..<end]))
      #expect(cut == nil || cut?.count ?? 0 >= 1, "\(end)")
    }
    for bad in [
      [], [0x0A], [0x0A, 200, 1], [0x0B, 1], [0x0A, 1, 0xFF],
      [0x08] + Array(repeating: 0xFF, count: 11),
    ] {
      #expect(throws: FormatError.self) { try TokenTable(pieces: bad.map { UInt8($0) }) }
    }
  }

  @Test("tokens are added to files, and left out of them, with all else kept")
  func changes() throws {
    var change = TokenizerChange()
    var token = TokenTable.Text("<\"n\">")
    token.flags = ["special": true]
    change.added = [TokenizerChange.Added(id: 3, token: token)]
    func changed(_ text: String, _ name: String) throws -> String {
      String(decoding: try change.changed(Array(text.utf8), name, file: name), as: UTF8.self)
    }
    let written =
      #""content":"<\"n\">","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}"#
    #expect(
      try changed(#"{"added_tokens" : [ ],"x": [1e3]}"#, "tokenizer.json")
        == #"{"added_tokens" : [{"id":3,\#(written) ],"x": [1e3]}"#)
    #expect(
      try changed("{\"a\": 1}", "added_tokens.json") == #"{"a": 1, "<\"n\">": 3}"#)
    #expect(try changed("{}", "added_tokens.json") == #"{"<\"n\">": 3}"#)
    #expect(
      try changed(#"{"added_tokens_decoder": {"2": {}}}"#, "tokenizer_config.json")
        == #"{"added_tokens_decoder": {"2": {}, "3": {\#(written)}}"#)
    // Where there is no list, there is nothing to add to.
    #expect(try changed(#"{"added_tokens": {}}"#, "tokenizer.json") == #"{"added_tokens": {}}"#)
    change.limit = 2
    change.added = []
    #expect(
      try changed(
        #"{"added_tokens": [{"id": 2}, {"id": 1}], "model": {"vocab": [["a", 0], ["b", 1], ["c", 2]]}}"#,
        "tokenizer.json")
        == #"{"added_tokens": [{"id": 1}], "model": {"vocab": [["a", 0], ["b", 1]]}}"#)
    #expect(
      try changed(#"{"x": 1, "y": 2}"#, "added_tokens.json") == #"{"x": 1}"#)
  }
}
