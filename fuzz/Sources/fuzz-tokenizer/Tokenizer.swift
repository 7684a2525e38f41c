import FuzzSupport
@testable import SluiceArchitecture

/// The vocabulary of a tokenizer, and what becomes of its file where tokens are added and left out.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokenizer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let text = Array(bytes)
    let table = try TokenTable(tokenizer: text)
    precondition(table.count <= table.tokens.count)
    let same = VocabularyComparison(table, with: table)
    precondition(same.common == table.count && same.differing == 0)
    precondition(same.added == 0 && same.missing == 0)
    var change = TokenizerChange()
    let word = "a \"new\" token"
    change.added = [TokenizerChange.Added(id: table.tokens.count, token: TokenTable.Text(word))]
    let changed = try TokenTable(tokenizer: try change.changed(text, "tokenizer.json", file: ""))
    // Where the text has a list of added tokens, there is one more, and all others are what they were.
    if changed.tokens.count > table.tokens.count {
      precondition(!changed.differs(table.tokens.count, word))
      precondition(Array(changed.tokens.prefix(table.tokens.count)) == table.tokens)
    }
    change.added = []
    change.limit = table.tokens.count / 2
    let cut = try TokenTable(tokenizer: try change.changed(text, "tokenizer.json", file: ""))
    precondition(cut.tokens.count <= table.tokens.count)
  }
}
