internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceMethods

/// `tokenizer_source`, `tokenizer` and `chat_template`: what a merged model's tokens are.
struct TokenizerKeys {
  /// Where models lie.
  var places: ModelPlaces

  /// Reads the keys.
  ///
  /// - Parameters:
  ///   - map: What is left of the recipe.
  ///   - recipe: Gets what is said.
  ///   - hasBase: Whether the recipe names a base.
  /// - Throws: `RecipeError` with the place of what is wrong.
  mutating func read(
    _ map: inout RecipeMap, _ recipe: inout MergeRecipe, hasBase: Bool
  ) throws(RecipeError) {
    recipe.steps?.chatTemplate = try map.takeGiven("chat_template").map {
      field throws(RecipeError) in
      try TokenizerKeys.template(field)
    }
    let source = map.takeGiven("tokenizer_source")
    let block = map.takeGiven("tokenizer")
    if source != nil, let block {
      throw block.error("tokenizer and tokenizer_source are given: a recipe has one of them")
    }
    var vocabulary: StepVocabulary?
    if let source { vocabulary = StepVocabulary(try self.source(source)) }
    if let block { vocabulary = try self.block(block) }
    vocabulary?.prefersBase = hasBase
    recipe.steps?.vocabulary = vocabulary
  }

  private mutating func block(_ field: RecipeField) throws(RecipeError) -> StepVocabulary {
    var map = try RecipeMap(field)
    var vocabulary = StepVocabulary(.union)
    if let source = map.takeGiven("source") { vocabulary.source = try self.source(source) }
    if let multiple = map.takeGiven("pad_to_multiple_of") {
      let number = try multiple.number(.whole)
      guard number <= 1_048_576 else {
        throw multiple.error("a number of up to 1048576 is expected")
      }
      // Of none, nothing is a multiple, and nothing is padded.
      vocabulary.rowMultiple = number > 0 ? Int(number) : nil
    }
    if let tokens = map.takeGiven("tokens") {
      var names = try RecipeMap(tokens)
      for (text, value) in try names.takeNames() {
        vocabulary.tokens.append(try token(text, value))
      }
    }
    try map.finish()
    return vocabulary
  }

  private mutating func source(
    _ field: RecipeField
  ) throws(RecipeError) -> StepVocabulary.Source {
    switch try field.isMap ? "" : field.text() {
    case "base": .base
    case "union": .union
    default: .model(try path(field))
    }
  }

  private mutating func path(_ field: RecipeField) throws(RecipeError) -> String {
    try places.model(field).model(named: "").path
  }

  /// What is said of one token.
  private mutating func token(
    _ text: String, _ field: RecipeField
  ) throws(RecipeError) -> StepVocabulary.Token {
    var token = StepVocabulary.Token(text)
    var map = try RecipeMap(field)
    token.isForced = try map.takeGiven("force")?.truth() ?? false
    if let source = map.takeGiven("source") { token.row = try row(source) }
    try map.finish()
    guard token.row != nil || !token.isForced else {
      throw field.error(
        "every model is to get the token's row anew, and it is not said from where",
        remedy: "Add source: a model, {kind: zero}, or {kind: model_token, model: .., token: ..}.")
    }
    return token
  }

  private mutating func row(
    _ field: RecipeField
  ) throws(RecipeError) -> StepVocabulary.Token.Row {
    guard field.isMap, try RecipeMap(field).peek("kind") != nil else {
      return .model(try path(field))
    }
    var map = try RecipeMap(field)
    let kind = try map.require("kind").word(among: ["zero", "model_token"])
    guard kind == "model_token" else {
      try map.finish()
      return .zero
    }
    let model = try path(try map.require("model"))
    let (text, number) = (map.takeGiven("token"), map.takeGiven("token_id"))
    try map.finish()
    switch (text, number) {
    case (let text?, nil): return .token(try text.text(), of: model)
    case (nil, let number?):
      let row = try number.number(.whole)
      guard row < 1e9 else { throw number.error("no vocabulary has a row of this number") }
      return .number(Int(row), of: model)
    default: throw field.error("one of token and token_id is needed: whose row is taken")
    }
  }

  /// The name of a template, or its text.
  private static func template(_ field: RecipeField) throws(RecipeError) -> String {
    let text = try field.text()
    guard ChatTemplates.isName(text) || (text.count >= 20 && text.contains("{")) else {
      throw field.error(
        "\(text.quotedForMessage) is neither a template nor the name of one",
        remedy:
          "Known are: auto, \(ChatTemplates.names.joined(separator: ", ")); a template has a {.")
    }
    return text
  }
}
