package import SluiceAdapters
package import SluiceCore
package import SluiceKernels
package import SluiceStages

/// The value of a parameter, whatever its type: as recipes, flags, reports and identities have it.
package enum AnyParameterValue: Sendable, Hashable {
  /// A number.
  case number(Double)
  /// A whole number.
  case integer(UInt64)
  /// A number of directions, or a share in percent.
  case rank(SketchRank)
  /// On or off.
  case toggle(Bool)
  /// One of several words.
  case word(String)
  /// A number of bytes.
  case size(ByteCount)
  /// Patterns of tensor names.
  case patterns([String])
  /// Not given.
  case none
}

/// A type that parameters can have.
package protocol ParameterValue: Sendable, Hashable {
  /// What values it takes.
  ///
  /// - Parameter range: Which numbers, if it is a number.
  /// - Returns: The kind.
  static func kind(_ range: NumberRange) -> ParameterRow.Kind
  /// Reads it; nil if it is of another kind.
  init?(_ value: AnyParameterValue)
  /// The value without its type.
  var untyped: AnyParameterValue { get }
}

extension Double: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .number(range) }
  package init?(_ value: AnyParameterValue) {
    guard case .number(let number) = value else { return nil }
    self = number
  }
  package var untyped: AnyParameterValue { .number(self) }
}

extension PruningRate: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .number(.rate) }
  package init?(_ value: AnyParameterValue) {
    guard case .number(let number) = value else { return nil }
    self.init(number)
  }
  package var untyped: AnyParameterValue { .number(value) }
}

extension UInt64: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .integer }
  package init?(_ value: AnyParameterValue) {
    guard case .integer(let number) = value else { return nil }
    self = number
  }
  package var untyped: AnyParameterValue { .integer(self) }
}

extension Bool: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .toggle }
  package init?(_ value: AnyParameterValue) {
    guard case .toggle(let isOn) = value else { return nil }
    self = isOn
  }
  package var untyped: AnyParameterValue { .toggle(self) }
}

extension ByteCount: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .size }
  package init?(_ value: AnyParameterValue) {
    guard case .size(let size) = value else { return nil }
    self = size
  }
  package var untyped: AnyParameterValue { .size(self) }
}

extension [String]: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .patterns }
  package init?(_ value: AnyParameterValue) {
    guard case .patterns(let patterns) = value else { return nil }
    self = patterns
  }
  package var untyped: AnyParameterValue { .patterns(self) }
}

extension Optional: ParameterValue where Wrapped: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { Wrapped.kind(range) }
  package init?(_ value: AnyParameterValue) {
    guard value != .none else {
      self = .none
      return
    }
    guard let wrapped = Wrapped(value) else { return nil }
    self = wrapped
  }
  package var untyped: AnyParameterValue { map(\.untyped) ?? AnyParameterValue.none }
}

/// Words: the cases of an enumeration, or the rows of a table.
extension ParameterValue where Self: RawRepresentable<String> & CaseIterable {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind {
    .word(allCases.map(\.rawValue))
  }
  package init?(_ value: AnyParameterValue) {
    guard case .word(let word) = value else { return nil }
    self.init(rawValue: word)
  }
  package var untyped: AnyParameterValue { .word(rawValue) }
}

extension DType: ParameterValue {
  package static func kind(_ range: NumberRange) -> ParameterRow.Kind { .dtype }
}

extension MethodChoice: ParameterValue {}
extension AdapterRounding: ParameterValue {}
extension ExpertPacking: ParameterValue {}
extension TieBreak: ParameterValue {}
extension PartitionCombination: ParameterValue {}
extension SignificanceMeasure: ParameterValue {}
extension OutlierRates.Normalisation: ParameterValue {}
extension Rescale: ParameterValue {}
extension MaskUnit: ParameterValue {}
extension Compensation: ParameterValue {}
extension TransformScope: ParameterValue {}
extension TiesFlavor: ParameterValue {}
extension TiesAggregation: ParameterValue {}
extension ZeroSignRule: ParameterValue {}
extension MethodParameters.SolveTarget: ParameterValue {}
extension MethodParameters.Denominator: ParameterValue {}
extension MethodParameters.NonLinear: ParameterValue {}
extension MethodParameters.Vocabulary: ParameterValue {}
extension MethodParameters.ExtraTensors: ParameterValue {}
extension MethodParameters.Absent: ParameterValue {}
extension MethodParameters.Routers: ParameterValue {}
