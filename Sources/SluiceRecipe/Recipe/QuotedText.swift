internal import SluiceCore
internal import SluiceFormats

extension String {
  /// The text in double quotes, so that readers of YAML and of JSON give it back.
  ///
  /// YAML folds lines at more characters than JSON knows as line ends, and takes others for no part
  /// of a text at all: they are written as escapes, which mean the same in both.
  package var quotedForYAML: String {
    let json = String(decoding: JSONWriter.bytes { $0.value(.string(self)) }, as: UTF8.self)
    return json.escaping { scalar in
      switch scalar.value {
      case 0x7f...0x9f, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff: true
      default: false
      }
    }
  }

  /// Whether the text, a key as it is written, is so long that YAML wants a question mark before it.
  ///
  /// YAML looks for a key's colon among the 1024 characters after the key's first.
  var isLongKey: Bool { unicodeScalars.count > 1000 }

  /// The text, a key as it is written, as it stands in a mapping in braces.
  package var asFlowKey: String { isLongKey ? "? \(self)" : self }
}
