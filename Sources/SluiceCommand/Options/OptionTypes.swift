public import ArgumentParser
public import SluiceCore
public import SluiceKernels
public import SluiceMethods
public import SluicePipeline
public import SluiceStages

extension ByteCount: ExpressibleByArgument {
  /// Reads a size such as `96MiB`.
  ///
  /// - Parameter argument: What the user wrote.
  public init?(argument: String) { self.init(argument) }
  /// The size as an option value.
  public var defaultValueDescription: String {
    bytes % (1 << 20) == 0 ? "\(bytes >> 20)MiB" : "\(bytes / 1_000_000_000)GB"
  }
}

extension VectorLevel: ExpressibleByArgument {
  /// Reads the name of a level.
  ///
  /// - Parameter argument: What the user wrote.
  public init?(argument: String) {
    guard let level = VectorLevel.allCases.first(where: { $0.name == argument }) else { return nil }
    self = level
  }
  /// The names of all levels.
  public static var allValueStrings: [String] { allCases.map(\.name) }
  /// The name of the level.
  public var defaultValueDescription: String { name }
}

extension InputMode: ExpressibleByArgument {}
extension ResumeCheck: ExpressibleByArgument {}
extension TieBreak: ExpressibleByArgument {}
extension PartitionCombination: ExpressibleByArgument {}
extension MethodChoice: ExpressibleByArgument {}
extension SignificanceMeasure: ExpressibleByArgument {}
extension OutlierRates.Normalisation: ExpressibleByArgument {}
extension Rescale: ExpressibleByArgument {}
extension TransformScope: ExpressibleByArgument {}
extension TiesFlavor: ExpressibleByArgument {}
extension TiesAggregation: ExpressibleByArgument {}
extension ZeroSignRule: ExpressibleByArgument {}
extension MethodParameters.SolveTarget: ExpressibleByArgument {}
extension MethodParameters.Denominator: ExpressibleByArgument {}
extension MethodParameters.NonLinear: ExpressibleByArgument {}
extension MergeRecipe.Vocabulary: ExpressibleByArgument {}
extension MergeRecipe.ExtraTensors: ExpressibleByArgument {}

/// The types that merged weights can be written as.
enum OutputType: String, CaseIterable, ExpressibleByArgument {
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case f64 = "F64"

  init?(argument: String) { self.init(rawValue: argument.uppercased()) }
  var dtype: DType? { DType(rawValue: rawValue) }
}

/// An option of the form `NAME=VALUE`.
struct NamedValue: ExpressibleByArgument {
  let name: String
  let value: String

  init?(argument: String) {
    guard let separator = argument.firstIndex(of: "="), separator != argument.startIndex else {
      return nil
    }
    name = String(argument[..<separator])
    value = String(argument[argument.index(after: separator)...])
    guard !value.isEmpty else { return nil }
  }
}
