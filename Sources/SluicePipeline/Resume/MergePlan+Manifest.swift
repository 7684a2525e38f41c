/// What a plan's run would be known as.
extension MergePlan {
  /// Everything that decides about the bytes of the merged model: recipe, inputs, layout, version.
  package func manifest() throws -> Manifest { try MergeManifest.make(self) }
}
internal import SluiceRecipe
