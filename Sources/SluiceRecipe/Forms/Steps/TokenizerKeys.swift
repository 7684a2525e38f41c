internal import SluiceCore
internal import SluiceMethods

/// `tokenizer_source`, `tokenizer` and `chat_template`: what a merged model's tokens are.
///
/// Rows of embeddings and heads are matched by token with the base's, whose tokenizer the merged model has.
/// A union is that, as long as no model has a token of its own; the plan looks.
struct TokenizerKeys {
  /// Where models lie.
  var places: ModelPlaces

  /// Reads the keys.
  mutating func read(_ map: inout RecipeMap, _ recipe: inout MergeRecipe) throws(RecipeError) {
    if let field = map.takeGiven("chat_template") {
      throw field.error(
        "the base's chat template is copied",
        remedy: "Remove the key, or write the template afterwards.")
    }
    let source = map.takeGiven("tokenizer_source")
    guard let block = map.takeGiven("tokenizer") else {
      if let source { try read(source, &recipe) }
      return
    }
    if source != nil {
      throw block.error("tokenizer and tokenizer_source are given: a recipe has one of them")
    }
    var inner = try RecipeMap(block)
    let own = inner.takeGiven("source")
    for key in ["tokens", "pad_to_multiple_of"] {
      guard let field = inner.takeGiven(key), !field.isEmpty else { continue }
      throw field.error(
        "rows are not \(key == "tokens" ? "made for single tokens" : "added") here",
        remedy: "Remove the key; the merged model has the base's rows.")
    }
    try inner.finish()
    if let own { try read(own, &recipe) } else { recipe.steps?.tokens = .union }
  }

  private mutating func read(
    _ field: RecipeField, _ recipe: inout MergeRecipe
  ) throws(RecipeError) {
    switch try field.isMap ? "" : field.text() {
    case "base": recipe.steps?.tokens = .base
    case "union": recipe.steps?.tokens = .union
    default:
      guard try places.model(field).model(named: "").path == recipe.base else {
        throw field.error(
          "the merged model has the base's tokens; no other model's are taken here",
          remedy: "Write base or union, or make the model whose tokens are wanted the base_model.")
      }
      recipe.steps?.tokens = .base
    }
  }
}

extension RecipeField {
  /// Whether the value is a list or mapping of nothing.
  fileprivate var isEmpty: Bool {
    switch node.content {
    case .list(let items): items.isEmpty
    case .map(let entries): entries.isEmpty
    case .scalar: false
    }
  }
}
