public import SluiceCore

/// What is wrong with a recipe, and where.
public struct RecipeError: SluiceError, Hashable {
  /// The content.
  public var failure: Failure

  /// Wraps a failure.
  ///
  /// - Parameter failure: The content.
  public init(_ failure: Failure) { self.failure = failure }

  init(_ place: RecipePlace, _ message: String, remedy: String? = nil) {
    failure = Failure(
      .usage, subject: Subject(file: place.description), message: message, remedy: remedy)
  }
}

/// A place in a recipe's text.
public struct RecipePlace: Sendable, Hashable, CustomStringConvertible {
  /// The path of the recipe.
  public let file: String
  /// The line, from 1.
  public let line: Int
  /// The column, from 1, in characters.
  public let column: Int

  /// `recipe.yaml:12:5`, as editors understand it.
  public var description: String { "\(file):\(line):\(column)" }
}
