internal import SluiceCore

/// A parameter: everything that is to be said of it, once.
///
/// The flag, the recipe's key, the check of its range, the member of the report, the facts of the
/// manifest, the fingerprint and the pages follow from its row in ``ParameterTable``.
package struct Parameter<Value: ParameterValue>: AnyParameter {
  /// The value where nobody says anything.
  package let defaultValue: Value
  /// What is known of it without its type.
  package let row: ParameterRow

  /// Describes a parameter.
  ///
  /// - Parameters:
  ///   - name: The flag without its dashes.
  ///   - defaultValue: The value where nobody says anything.
  ///   - range: Which numbers it takes, if it is one.
  ///   - stage: The stage of the chain form that has it.
  ///   - key: Its key there, if that is not the name.
  ///   - summary: What it means, in one sentence.
  ///   - derived: What it is where it is not given and follows from others.
  init(
    _ name: String, _ defaultValue: Value, _ range: NumberRange = .any, in stage: String,
    as key: String? = nil, _ summary: String,
    derived: (@Sendable (MethodParameters) -> AnyParameterValue)? = nil
  ) {
    self.defaultValue = defaultValue
    row = ParameterRow(
      name: name, kind: Value.kind(range),
      place: ParameterRow.Place(stage: stage, key: key ?? name), summary: summary,
      defaultValue: defaultValue.untyped, derived: derived)
  }
}

/// A parameter of any type.
package protocol AnyParameter: Sendable {
  /// What is known of it without its type.
  var row: ParameterRow { get }
}

/// A parameter, as rows of methods name it: `\.pruningRate`.
package typealias ParameterPath = any PartialKeyPath<ParameterTable> & Sendable

extension ParameterRow {
  /// The row that a path of the table leads to.
  package static func at(_ path: ParameterPath) -> ParameterRow {
    guard let parameter = ParameterTable.shared[keyPath: path] as? any AnyParameter else {
      preconditionFailure("the table of parameters holds parameters only")
    }
    return parameter.row
  }
}
