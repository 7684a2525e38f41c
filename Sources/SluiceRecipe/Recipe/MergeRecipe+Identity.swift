internal import SluiceCore
package import SluiceFormats
internal import SluiceMethods

/// What makes a recipe the recipe that it is, in whatever form it was written.
extension MergeRecipe {
  /// Everything that decides about the bytes of the result beside the inputs, as names with values.
  ///
  /// Equal facts mean equal bytes from equal inputs. The paths of models and files are not among them,
  /// nor are parameters that the methods do not look at; the order of the models is.
  package var facts: [(name: String, value: String)] {
    var facts = models.enumerated().map { (name: "model \($0 + 1)", value: $1.name) }
    facts += layerFacts + stepFacts
    for row in ParameterRow.all where method.uses(row) && (steps == nil || row.isOfEveryMerge) {
      if let value = method[row].recipeText { facts.append((row.name, value)) }
    }
    for model in models { facts += model.facts }
    for file in MethodInputFile.allCases where extraFiles[file] != nil {
      facts.append((file.rawValue, "file"))
    }
    // Stages of one's own are known by their identities, whatever they are made of.
    for (position, stage) in stages.identities.enumerated() {
      facts.append(("stage \(position + 1)", "\(stage.place): \(stage.identity)"))
    }
    return facts
  }

  /// A hash of the facts.
  package var fingerprint: Hash128 {
    Hash128(of: facts.lazy.flatMap { [$0.name, $0.value] })
  }
}

extension MergeRecipe.Model {
  /// What is said of this model alone.
  fileprivate var facts: [(name: String, value: String)] {
    var facts: [(name: String, value: String)] = []
    func add(_ what: String, _ value: String) { facts.append(("\(what) \(name)", value)) }
    if let weightByTensor {
      add(ModelParameter.weight.rawValue, weightByTensor.recipeText)
    } else if weight != 1 {
      add(ModelParameter.weight.rawValue, "\(weight)")
    }
    if !amplification.isEmpty {
      add(
        ModelParameter.amplify.rawValue, amplification.map { "\($0)" }.joined(separator: ", "))
    }
    for (position, adapter) in adapters.enumerated() {
      add("adapter \(position + 1)", "\(adapter.scale)")
    }
    if let pruningRate { add("pruning-rate", pruningRate.recipeText) }
    for file in MethodInputFile.allCases where extraFiles[file] != nil {
      add(file.rawValue, "file")
    }
    return facts
  }
}
