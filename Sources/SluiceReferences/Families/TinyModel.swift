/// A checkpoint small enough to be held and looked at whole.
package struct TinyModel: Sendable, Equatable {
  /// The tensors, in the order in which they are written.
  package var tensors: [TinyTensor]
  /// The text of `config.json`.
  package var config: String

  /// The name of the head's weight.
  package static let headName = "lm_head.weight"
  /// How the name of the input embedding ends.
  package static let embeddingSuffix = "embed_tokens.weight"

  /// Collects tensors.
  package init(tensors: [TinyTensor], config: String = "{}") {
    self.tensors = tensors
    self.config = config
  }

  /// The tensor of a name.
  package subscript(name: String) -> TinyTensor? { tensors.first { $0.name == name } }

  /// The same model with its tensors in byte order of names, as merges are compared.
  package var sorted: TinyModel {
    TinyModel(tensors: tensors.sorted { $0.name.precedesBytewise($1.name) }, config: config)
  }
}

extension String {
  /// Whether the UTF-8 bytes of one name come before those of another.
  ///
  /// - Parameter other: The other name.
  /// - Returns: The order that files and sums follow, which is not the order of Unicode text.
  func precedesBytewise(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
