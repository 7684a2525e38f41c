/// The stored values inside a value, by name, found by reflection.
///
/// Sets and dictionaries are listed in the order of their text, so that equal values give equal
/// lists. What holds nothing is listed as its own description.
enum StoredValues {
  static func list(_ value: Any, name: String) -> [(name: String, value: String)] {
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional:
      guard let wrapped = mirror.children.first?.value else { return [(name, "none")] }
      return list(wrapped, name: name)
    case .collection:
      let values = mirror.children.enumerated().flatMap { position, child in
        list(child.value, name: "\(name).\(position)")
      }
      return [("\(name).count", "\(mirror.children.count)")] + values
    case .set, .dictionary:
      let texts = mirror.children.map { child in
        list(child.value, name: "").map { "\($0.name)=\($0.value)" }.joined(separator: ",")
      }
      return texts.sorted().enumerated().map { ("\(name).\($0)", $1) }
    default:
      guard !mirror.children.isEmpty, !isPlain(value, mirror) else { return [(name, "\(value)")] }
      // An enumeration's case with values has one child, which is named like the case.
      return mirror.children.enumerated().flatMap { position, child in
        list(child.value, name: "\(name).\(child.label ?? "\(position)")")
      }
    }
  }

  /// Whether a value's description says all of it, though it is made of parts.
  private static func isPlain(_ value: Any, _ mirror: Mirror) -> Bool {
    // Numbers that reflection takes apart have one part of this name. To ask other types for a protocol
    // that they do not have takes the runtime a search through all that the program knows.
    guard mirror.children.count == 1, mirror.children.first?.label == "_value" else {
      return false
    }
    return value is any BinaryInteger || value is any BinaryFloatingPoint
  }
}
