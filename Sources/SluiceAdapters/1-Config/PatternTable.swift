internal import SluiceCore

/// Numbers for modules whose names match a pattern: `rank_pattern` and `alpha_pattern`.
///
/// Rule: a pattern `k` belongs to module `M` if `^(.*\.)?(k)$` matches `M`; the first in the order of
/// the file counts.
package struct PatternTable<Value: Sendable>: Sendable {
  private enum Matcher: Sendable {
    /// Letters only, nil for a place where anything may stand.
    case letters([UInt8?])
    case program(PatternProgram)
  }

  /// The most steps that finding the patterns of all modules of an adapter may take.
  package static var stepLimit: Int { 1_000_000_000 }

  private var rows: [(pattern: String, matcher: Matcher, value: Value)] = []

  /// Makes an empty table.
  package init() {}

  /// How many patterns there are.
  package var count: Int { rows.count }

  /// Adds a pattern behind those that are there.
  ///
  /// - Parameters:
  ///   - pattern: The pattern.
  ///   - value: What modules have whose names match.
  /// - Throws: `PatternParser.Refusal` if it is not understood.
  mutating func append(_ pattern: String, _ value: Value) throws(PatternParser.Refusal) {
    if let letters = PatternTable.letters(pattern) {
      rows.append((pattern, .letters(letters), value))
    } else {
      rows.append((pattern, .program(try PatternParser.compile(pattern)), value))
    }
  }

  /// The value of a module.
  ///
  /// - Parameters:
  ///   - name: The module's name.
  ///   - steps: Is counted up by what it took.
  /// - Returns: The value of the first pattern that matches, or nil.
  package func value(of name: String, steps: inout Int) -> Value? {
    guard !rows.isEmpty else { return nil }
    let name = Array(name.utf8)
    return rows.first { row in
      guard steps < PatternTable.stepLimit else { return false }
      switch row.matcher {
      case .letters(let letters):
        steps += 1 + letters.count
        return PatternTable.ends(name, with: letters)
      case .program(let program): return program.matches(name, steps: &steps)
      }
    }?.value
  }

  /// The letters of a pattern that has nothing else, as most are written.
  private static func letters(_ pattern: String) -> [UInt8?]? {
    var letters: [UInt8?] = []
    for byte in pattern.utf8 {
      switch byte {
      case UInt8(ascii: "."): letters.append(nil)
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        letters.append(byte)
      default: return nil
      }
    }
    return letters
  }

  private static func ends(_ name: [UInt8], with letters: [UInt8?]) -> Bool {
    let start = name.count - letters.count
    guard start == 0 || (start > 0 && name[start - 1] == UInt8(ascii: ".")) else { return false }
    for (index, letter) in letters.enumerated() {
      guard name[start + index] == letter ?? name[start + index] else { return false }
    }
    return true
  }
}
