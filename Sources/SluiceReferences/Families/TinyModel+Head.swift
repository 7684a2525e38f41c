internal import Foundation

extension TinyModel {
  /// Whether the config says that the head is the input embedding.
  package var tiesHead: Bool {
    let object = try? JSONSerialization.jsonObject(with: Data(config.utf8))
    return (object as? [String: Any])?["tie_word_embeddings"] as? Bool ?? false
  }

  /// The model with a head of its own: a copy of the embedding where it is tied and absent.
  var withMaterialisedHead: TinyModel {
    guard self[TinyModel.headName] == nil, tiesHead,
      var head = tensors.first(where: { $0.name.hasSuffix(TinyModel.embeddingSuffix) })
    else { return self }
    head.name = TinyModel.headName
    return TinyModel(tensors: tensors + [head], config: config)
  }
}
