package import SluiceMethods
package import SluiceStages

/// A stage that a recipe names, with what identifies it: two runs are the same only if their stages
/// have the same identities.
package struct IdentifiedStage<Stage: Sendable>: Sendable {
  /// The stage.
  package let stage: Stage
  /// The name in recipes.
  package let name: String
  /// The arguments, as the recipe's chain form writes them between braces.
  package let arguments: String
  /// What changes whenever the stage would do something else with the same arguments: a version, or
  /// for a program a hash of its files.
  package let version: String

  /// Names a stage.
  ///
  /// - Parameters:
  ///   - stage: The stage.
  ///   - name: The name in recipes.
  ///   - arguments: The arguments, as the recipe's chain form writes them between braces.
  ///   - version: What changes whenever the stage would do something else.
  package init(_ stage: Stage, name: String, arguments: String = "", version: String = "") {
    self.stage = stage
    self.name = name
    self.arguments = arguments
    self.version = version
  }

  /// Everything that can change what the stage does.
  package var identity: String { "\(name) {\(arguments)} \(version)" }
}

extension IdentifiedStage: Hashable {
  /// Compares the identities.
  package static func == (a: IdentifiedStage, b: IdentifiedStage) -> Bool {
    a.identity == b.identity
  }

  /// Hashes the identity.
  package func hash(into hasher: inout Hasher) { hasher.combine(identity) }
}

/// A transform of one's own at its place in the chain.
package struct PlacedTransform: Sendable, Hashable {
  /// Between which of the built-in stages a transform stands.
  package typealias Place = TransformPlace

  /// The place; transforms of the same place keep their order.
  package var place: Place
  /// The transform.
  package var transform: IdentifiedStage<any DeltaTransform>

  /// Places a transform.
  package init(_ transform: IdentifiedStage<any DeltaTransform>, after place: Place) {
    self.transform = transform
    self.place = place
  }
}

/// The stages of one's own in a recipe: one kind for each place in the chain.
package struct CustomStages: Sendable, Hashable {
  /// Transforms of deltas, in order.
  package var transforms: [PlacedTransform] = []
  /// What makes a layer significant; the built-in statistic if nil.
  package var significance: IdentifiedStage<any TensorStatistic>?
  /// How rates follow from significance; the method's rule if nil.
  package var rates: IdentifiedStage<any RateRule>?
  /// How deltas become one; the method's operator if nil.
  package var merging: IdentifiedStage<any MergeOperator>?

  /// Makes an empty list.
  package init() {}

  /// The transforms of a place, in order.
  package func transforms(after place: PlacedTransform.Place) -> [any DeltaTransform] {
    transforms.filter { $0.place == place }.map(\.transform.stage)
  }

  /// The identities of all stages, each with its place.
  package var identities: [(place: String, identity: String)] {
    transforms.map { ($0.place.rawValue, $0.transform.identity) }
      + [
        ("significance", significance?.identity), ("assign-rates", rates?.identity),
        ("merge", merging?.identity),
      ].compactMap { place, identity in identity.map { (place, $0) } }
  }
}
