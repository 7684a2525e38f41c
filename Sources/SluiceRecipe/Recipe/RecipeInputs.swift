internal import Glibc
package import SluiceCore
internal import SluiceFormats
internal import SluiceMethods

/// What the small files of a recipe say: the recipe with weights filled in and models chosen, and the
/// coefficients.
package struct RecipeInputs {
  package private(set) var recipe: MergeRecipe
  package private(set) var coefficients: CoefficientTable?
  package private(set) var warnings: [Warning] = []

  package init(_ recipe: MergeRecipe) throws {
    self.recipe = recipe
    let names = recipe.models.map(\.name)
    if let path = recipe.extraFiles[.losses] {
      let losses = try NumberTable.read(path, models: names + ["base"], required: names)
      let weights = LossWeights.weights(
        (names + ["base"]).compactMap { losses[$0] }, temperature: recipe.method.temperature)
      for model in names.indices { self.recipe.models[model].weight = weights[model] }
    }
    if let path = recipe.extraFiles[.coefficients] {
      let table = try CoefficientTable.read(path, models: names)
      coefficients = table
      warnings += table.warnings
    }
    if let path = recipe.extraFiles[.scores] { try chooseSoup(path) }
  }

  private mutating func chooseSoup(_ path: String) throws {
    let names = recipe.models.map(\.name)
    let scores = try NumberTable.read(path, models: nil, required: names)
    let members = try GreedySoup.members(names, scores: scores, file: path)
    for name in names where !members.contains(name) {
      warnings.append(
        Warning(
          .leftOut, subject: Subject(model: name),
          message: "the soup scores no higher with this model; it is left out"))
    }
    recipe.models.removeAll { !members.contains($0.name) }
  }
}

/// Weights from losses, as LM-Cocktail (arXiv 2311.13534) has them.
package enum LossWeights {
  /// Formula: softmax(-loss / temperature), in Double, with the smallest loss taken off first.
  static func weights(_ losses: [Double], temperature: Double) -> [Double] {
    guard let least = losses.min() else { return [] }
    let shares = losses.map { exp(-($0 - least) / temperature) }
    var sum = 0.0
    for share in shares { sum += share }
    return shares.map { $0 / sum }
  }
}

/// The greedy soup (arXiv 2203.05482), recipe 1, with scores that were measured before.
package enum GreedySoup {
  /// The models of the soup, best first.
  ///
  /// Models join in the order of their own scores, ties in the given order; one stays if the mean with
  /// it scores strictly higher. The score of a soup is found under the names of its members, joined by
  /// `+` in the order in which they joined.
  static func members(
    _ names: [String], scores: [String: Double], file: String
  ) throws(RecipeError) -> [String] {
    let order = names.indices.sorted { a, b in
      let (first, second) = (scores[names[a]] ?? 0, scores[names[b]] ?? 0)
      return first > second || (first == second && a < b)
    }
    var members: [String] = []
    var best = -Double.infinity
    for name in order.map({ names[$0] }) {
      let soup = (members + [name]).joined(separator: "+")
      guard members.isEmpty || !names.contains(soup) else {
        throw RecipeError.badInput(
          "the score of \(soup.printable) would be that of a model and of a soup", file: file,
          remedy: "Call the model otherwise.")
      }
      guard let score = scores[soup] else {
        throw RecipeError.badInput(
          "no score for the soup \(soup.printable)", file: file,
          remedy: "Merge these models with --prune none --merge average, score the result, and "
            + "add it under this name.")
      }
      guard score > best else { continue }
      best = score
      members.append(name)
    }
    return members
  }
}
