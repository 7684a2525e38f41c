internal import SluiceCore
package import SluiceFormats

/// What becomes of the files of a tokenizer: tokens that are added or left out, and another chat template.
package struct TokenizerChange: Sendable, Hashable {
  /// A token that is added.
  package struct Added: Sendable, Hashable {
    package var id: Int
    package var token: TokenTable.Text

    package init(id: Int, token: TokenTable.Text) {
      self.id = id
      self.token = token
    }
  }

  /// The tokens that are added, in the order of their ids.
  package var added: [Added] = []
  /// The first id of those that are left out; nil if none are.
  package var limit: Int?
  /// The chat template; nil if it stays.
  package var template: String?

  /// Nothing becomes of them.
  package init() {}

  /// Whether nothing becomes of them.
  package var isEmpty: Bool { self == TokenizerChange() }

  private var changesTokens: Bool { !added.isEmpty || limit != nil }

  /// Whether a file of a name is changed.
  package func changes(_ name: String) -> Bool {
    switch name {
    case "tokenizer.json", "added_tokens.json": changesTokens
    case "tokenizer_config.json": changesTokens || template != nil
    case "chat_template.jinja": template != nil
    default: false
    }
  }

  /// A hash of all of it.
  package var hash: Hash128 {
    var text = "\(limit ?? -1) \(template ?? "")"
    for added in added {
      text += "\u{0}\(added.id) \(added.token.text)"
      for name in TokenTable.Text.flagNames { text += " \(added.token.flags[name] ?? false)" }
    }
    return Hash128(of: Array(text.utf8))
  }

  /// A file as it becomes.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - path: Where it lies; empty if there is none yet.
  /// - Returns: Its content.
  /// - Throws: If it cannot be read, or is no file of a tokenizer.
  package func file(_ name: String, from path: String) throws(FormatError) -> [UInt8] {
    if name == "chat_template.jinja" { return Array((template ?? "").utf8) }
    let text =
      path.isEmpty
      ? Array("{}".utf8)
      : try InputFile.contents(of: path, byteLimit: TokenTable.maximumByteCount)
    return try changed(text, name, file: path.isEmpty ? name : path)
  }

  /// The content of a file as it becomes.
  package func changed(_ text: [UInt8], _ name: String, file: String) throws(FormatError) -> [UInt8]
  {
    switch name {
    case "tokenizer.json": return try tokenizer(text, file)
    case "added_tokens.json":
      return try JSONListEdit(text, file: file).edited(
        at: [], if: .object, dropping: { dropsID($0.value) },
        adding: added.map { added in member(added.token.text) { $0.value(.integer(added.id)) } })
    default:
      var text = text
      if changesTokens {
        text = try JSONListEdit(text, file: file).edited(
          at: ["added_tokens_decoder"], if: .object,
          dropping: { entry in dropsID(entry.key.dropFirst().dropLast()) },
          adding: added.map { added in
            member("\(added.id)") { TokenizerChange.write(added, withID: false, to: &$0) }
          })
      }
      guard let template else { return text }
      var object = try TopLevelObject(text, file: file)
      if object.contains("chat_template") { object.set("chat_template", to: .string(template)) }
      return object.bytes
    }
  }

  private func tokenizer(_ text: [UInt8], _ file: String) throws(FormatError) -> [UInt8] {
    var text = text
    if limit != nil {
      // Merges that would make a token that is left out are left out with it.
      var dropped: Set<[UInt8]> = []
      text = try JSONListEdit(text, file: file).edited(
        at: ["model", "vocab"],
        dropping: { entry in
          // Pieces with scores are numbered by their places.
          let drops =
            entry.key.isEmpty ? entry.index >= limit ?? .max : dropsID(entry.value)
          if drops { dropped.insert(Array(entry.key.dropFirst().dropLast())) }
          return drops
        })
      if !dropped.isEmpty {
        text = try JSONListEdit(text, file: file).edited(
          at: ["model", "merges"],
          dropping: { entry in
            TokenizerChange.parts(entry.value).contains { dropped.contains($0) }
          })
      }
    }
    return try JSONListEdit(text, file: file).edited(
      at: ["added_tokens"], if: .array,
      dropping: { entry in
        guard let limit, let object = try? TopLevelObject(Array(entry.value)) else { return false }
        return object.integer("id").map { $0 >= limit } ?? false
      },
      adding: added.map { added in
        JSONWriter.bytes { TokenizerChange.write(added, withID: true, to: &$0) }
      })
  }

  /// The two tokens of a merge, as they are written: `"a b"` or `["a", "b"]`.
  private static func parts(_ merge: ArraySlice<UInt8>) -> [[UInt8]] {
    let isList = merge.first == UInt8(ascii: "[")
    let pieces = merge.split { byte in
      isList ? byte == UInt8(ascii: "\"") : byte == UInt8(ascii: "\"") || byte == 0x20
    }
    return pieces.map(Array.init)
  }

  private func dropsID(_ text: ArraySlice<UInt8>) -> Bool {
    guard let limit, let id = Int(String(decoding: text, as: UTF8.self)) else { return false }
    return id >= limit
  }

  private func member(_ key: String, _ value: (inout JSONWriter) -> Void) -> [UInt8] {
    JSONWriter.bytes { $0.value(.string(key)) } + Array(": ".utf8) + JSONWriter.bytes(value)
  }

  private static func write(_ added: Added, withID: Bool, to writer: inout JSONWriter) {
    writer.beginObject()
    if withID { writer.member("id", .integer(added.id)) }
    writer.member("content", .string(added.token.text))
    let isSpecial = added.token.flags["special"] ?? false
    for name in TokenTable.Text.flagNames {
      // Tokens of which nothing is said are normalised, unless they are special.
      let usual = name == "normalized" && !isSpecial
      writer.member(named: name, .bool(added.token.flags[name] ?? usual))
    }
    writer.endObject()
  }
}
