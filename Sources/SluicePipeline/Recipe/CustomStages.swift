public import SluiceMethods
public import SluiceStages

/// A stage that a recipe names, with what identifies it: two runs are the same only if their stages
/// have the same identities.
public struct IdentifiedStage<Stage: Sendable>: Sendable {
  /// The stage.
  public let stage: Stage
  /// The name in recipes.
  public let name: String
  /// The arguments, as the recipe's chain form writes them between braces.
  public let arguments: String
  /// What changes whenever the stage would do something else with the same arguments: a version, or
  /// for a program a hash of its files.
  public let version: String

  /// Names a stage.
  ///
  /// - Parameters:
  ///   - stage: The stage.
  ///   - name: The name in recipes.
  ///   - arguments: The arguments, as the recipe's chain form writes them between braces.
  ///   - version: What changes whenever the stage would do something else.
  public init(_ stage: Stage, name: String, arguments: String = "", version: String = "") {
    self.stage = stage
    self.name = name
    self.arguments = arguments
    self.version = version
  }

  /// Everything that can change what the stage does.
  public var identity: String { "\(name) {\(arguments)} \(version)" }
}

extension IdentifiedStage: Hashable {
  /// Compares the identities.
  ///
  /// - Parameters:
  ///   - a: One stage.
  ///   - b: Another.
  /// - Returns: Whether they do the same.
  public static func == (a: IdentifiedStage, b: IdentifiedStage) -> Bool {
    a.identity == b.identity
  }

  /// Hashes the identity.
  ///
  /// - Parameter hasher: The hasher.
  public func hash(into hasher: inout Hasher) { hasher.combine(identity) }
}

/// A transform of one's own at its place in the chain.
public struct PlacedTransform: Sendable, Hashable {
  /// Between which of the built-in stages a transform stands.
  public typealias Place = TransformPlace

  /// The place; transforms of the same place keep their order.
  public var place: Place
  /// The transform.
  public var transform: IdentifiedStage<any DeltaTransform>

  /// Places a transform.
  ///
  /// - Parameters:
  ///   - transform: The transform.
  ///   - place: The place.
  public init(_ transform: IdentifiedStage<any DeltaTransform>, behind place: Place) {
    self.transform = transform
    self.place = place
  }
}

/// The stages of one's own in a recipe: one kind for each place in the chain.
public struct CustomStages: Sendable, Hashable {
  /// Transforms of deltas, in order.
  public var transforms: [PlacedTransform] = []
  /// What makes a layer significant; the built-in statistic if nil.
  public var significance: IdentifiedStage<any TensorStatistic>?
  /// How rates follow from significance; the method's rule if nil.
  public var rates: IdentifiedStage<any RateRule>?
  /// How deltas become one; the method's operator if nil.
  public var merging: IdentifiedStage<any MergeOperator>?

  /// Makes an empty list.
  public init() {}

  /// The transforms of a place, in order.
  ///
  /// - Parameter place: The place.
  /// - Returns: The transforms.
  public func transforms(behind place: PlacedTransform.Place) -> [any DeltaTransform] {
    transforms.filter { $0.place == place }.map(\.transform.stage)
  }

  /// The identities of all stages, each with its place.
  public var identities: [(place: String, identity: String)] {
    transforms.map { ($0.place.rawValue, $0.transform.identity) }
      + [
        ("significance", significance?.identity), ("assign-rates", rates?.identity),
        ("merge", merging?.identity),
      ].compactMap { place, identity in identity.map { (place, $0) } }
  }
}
