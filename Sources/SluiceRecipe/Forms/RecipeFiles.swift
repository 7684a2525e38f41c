internal import SluiceMethods

/// The files that methods read beside the models; paths start from the recipe's directory.
struct RecipeFiles {
  let directory: String

  /// Reads the files of all models together that the recipe's method knows.
  func read(_ map: inout RecipeMap, _ recipe: inout MergeRecipe) throws(RecipeError) {
    for file in recipe.method.knownFiles where !file.isOfModel {
      if let field = map.take(file.rawValue) { recipe.extraFiles[file] = try path(field) }
    }
  }

  /// Reads the files of one model.
  func readFiles(
    of model: Int, _ map: inout RecipeMap, _ recipe: inout MergeRecipe
  ) throws(RecipeError) {
    for file in recipe.method.knownFiles where file.isOfModel {
      if let field = map.take(file.rawValue) {
        recipe.models[model].extraFiles[file] = try path(field)
      }
    }
  }

  /// Reads the files of a stage of the chain form; those of single models are mappings of names.
  func read(
    _ row: some MethodRow, _ map: inout RecipeMap, _ recipe: inout MergeRecipe
  ) throws(RecipeError) {
    for file in row.files.needed + row.files.optional {
      guard let field = map.take(file.rawValue) else { continue }
      guard file.isOfModel else {
        recipe.extraFiles[file] = try path(field)
        continue
      }
      var names = try RecipeMap(field)
      for (position, model) in recipe.models.enumerated() {
        if let field = names.take(name: model.name) {
          recipe.models[position].extraFiles[file] = try path(field)
        }
      }
      try names.finish()
    }
  }

  private func path(_ field: RecipeField) throws(RecipeError) -> String {
    RecipePath.resolve(try field.text(), in: directory)
  }
}

extension MethodParameters {
  /// The files that the pruning and the merging know.
  fileprivate var knownFiles: [MethodInputFile] {
    let (prune, merge) = (self.pruning.row.files, self.merging.row.files)
    return prune.needed + prune.optional + merge.needed + merge.optional
  }
}

extension MergeRecipe {
  /// Checks that a rule for rates is one that the pruning can have.
  func checkRates(_ field: RecipeField) throws(RecipeError) {
    guard let fixed = method.pruning.row.fixedRates, try field.text() != fixed.rawValue else {
      return
    }
    throw field.error(
      "prune \(method.pruning.rawValue) always has the rates \(fixed.rawValue)",
      remedy: "Remove the key.")
  }
}
