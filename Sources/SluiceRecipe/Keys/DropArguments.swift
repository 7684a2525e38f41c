internal import SluiceCore
internal import SluiceMethods
internal import SluiceStages

/// The keys of `drop`.
enum DropArguments {
  /// Reads a stage that drops deltas at random.
  static func transform(_ arguments: inout StageArguments) throws -> any DeltaTransform {
    let field = try arguments.map.require("rate")
    guard let rate = PruningRate(try field.number(.rate)) else {
      throw field.error("a number \(NumberRange.rate.rawValue) is expected")
    }
    let seed = try arguments.map.take("seed")?.integer() ?? 0
    let scope = try arguments.map.take("scope")?.word(
      among: TransformScope.allCases.map(\.rawValue))
    let rescale = try arguments.map.take("rescale")?.word(
      among: [Rescale.inverse, .none].map(\.rawValue))
    return DropStage(
      rate: rate, seed: seed, scope: scope.flatMap { TransformScope(rawValue: $0) } ?? .all,
      isRescaled: rescale != Rescale.none.rawValue)
  }
}
