public import Platform

/// The file of counts that is kept in git: by shape, by scenario.
public struct StoredCounts: Hashable, Sendable {
  private var shapes: [String: [String: Counts]]

  /// No counts.
  public init() { shapes = [:] }

  /// Reads the file's content.
  /// - Parameter json: what `json` wrote.
  /// - Throws: `BenchFailure` when it is something else.
  public init(json: JSON) throws {
    guard json["version"]?.integerValue == 1, let stored = json["shapes"] else {
      throw BenchFailure("no stored counts, version 1")
    }
    shapes = [:]
    for shape in stored.members {
      for scenario in shape.value.members {
        shapes[shape.key, default: [:]][scenario.key] = try Counts(json: scenario.value)
      }
    }
  }

  /// The counts of a shape, by scenario.
  /// - Parameter shape: its name.
  /// - Returns: nothing for a shape that was never counted.
  public func counts(shape: String) -> [String: Counts] { shapes[shape] ?? [:] }

  /// Replaces the counts of some scenarios.
  /// - Parameters:
  ///   - measured: what was counted, by scenario.
  ///   - shape: the shape of their families.
  public mutating func update(_ measured: [CountedScenario], shape: String) {
    for scenario in measured { shapes[shape, default: [:]][scenario.name] = scenario.stored }
  }

  /// Everything, for the file; names are sorted, so that a change is a small difference.
  public var json: JSON {
    let members = shapes.sorted { $0.key < $1.key }.map { shape in
      JSON.Member(
        shape.key,
        .object(
          shape.value.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value.json) }))
    }
    return .object([JSON.Member("version", .integer(1)), JSON.Member("shapes", .object(members))])
  }
}
