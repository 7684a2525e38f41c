internal import Glibc

/// Functions of one number, in Double and rounded to Float32: so that they are the same wherever Double's are right
/// but for the last bit.
enum StepFunctions {
  static func sine(_ value: Float) -> Float { Float(sin(Double(value))) }
  static func cosine(_ value: Float) -> Float { Float(cos(Double(value))) }
  static func arcCosine(_ value: Float) -> Float { Float(acos(Double(value))) }
  /// A number, or the nearest that a cosine can be.
  static func clamped(_ value: Float) -> Float { min(max(value, -1), 1) }
}
