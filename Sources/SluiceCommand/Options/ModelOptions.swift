internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe

/// Options whose values are said of single models, as `NAME=VALUE`.
enum ModelParameterOptions: OptionList {
  static var options: [ListedOption] {
    ModelParameter.allCases.map { parameter in
      ListedOption(
        name: parameter.rawValue, help: parameter.summary,
        valueName: "name=\(parameter.valueName)", isRepeated: true)
    }
  }
}

/// Options that name the files that methods read.
enum MethodFileOptions: OptionList {
  static var options: [ListedOption] {
    MethodInputFile.allCases.map { file in
      ListedOption(
        name: file.rawValue, help: "\(file.summary) For \(file.owners.joined(separator: ", ")).",
        valueName: file.isOfModel ? "name=file" : "file", isRepeated: file.isOfModel)
    }
  }
}

extension MethodInputFile {
  /// The methods that read it.
  var owners: [String] {
    func reads(_ row: some MethodRow) -> Bool {
      (row.files.needed + row.files.optional).contains(self)
    }
    return PruneMethod.table.filter(reads).map(\.name) + MergeMethod.table.filter(reads).map(\.name)
  }
}

extension ListedOptions<ModelParameterOptions> {
  /// Goes through what is said of each model.
  func forEachModel(
    of models: inout [MergeRecipe.Model],
    _ change: (ModelParameter, String, inout MergeRecipe.Model) throws(UsageError) -> Void
  ) throws(UsageError) {
    for parameter in ModelParameter.allCases {
      let given = try NamedValue.list(values[parameter.rawValue] ?? [], of: parameter.flag)
      for (name, same) in Dictionary(grouping: given, by: \.name) where same.count > 1 {
        throw UsageError("\(parameter.flag) is given \(same.count) times for model \(name)")
      }
      for option in given {
        let index = try models.index(of: option.name, for: parameter.flag)
        try change(parameter, option.value, &models[index])
      }
    }
  }
}

extension ListedOptions<MethodFileOptions> {
  /// Names the files in a recipe.
  func apply(to recipe: inout MergeRecipe) throws(UsageError) {
    for file in MethodInputFile.allCases {
      guard let given = values[file.rawValue] else { continue }
      guard file.isOfModel else {
        recipe.extraFiles[file] = given.last
        continue
      }
      for option in try NamedValue.list(given, of: file.option) {
        let index = try recipe.models.index(of: option.name, for: file.option)
        recipe.models[index].extraFiles[file] = option.value
      }
    }
  }
}

extension NamedValue {
  /// Reads the values of an option.
  fileprivate static func list(
    _ texts: [String], of flag: String
  ) throws(UsageError) -> [NamedValue] {
    var list: [NamedValue] = []
    for text in texts {
      guard let value = NamedValue(argument: text) else {
        throw UsageError(
          "\(flag): NAME=VALUE is expected, found \"\(text.printable)\"",
          remedy: "NAME is that of a --model.")
      }
      list.append(value)
    }
    return list
  }
}

extension [MergeRecipe.Model] {
  fileprivate func index(of name: String, for flag: String) throws(UsageError) -> Int {
    guard let index = firstIndex(where: { $0.name == name }) else {
      throw UsageError(
        "\(flag): there is no model \(name); the models are: \(map(\.name).joined(separator: ", "))"
      )
    }
    return index
  }
}
