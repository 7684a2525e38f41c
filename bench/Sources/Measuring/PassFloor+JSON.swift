public import Platform

extension PassFloor {
  /// Reads a pass back.
  /// - Parameter json: what `json` wrote.
  /// - Throws: `BenchFailure` when a part has no files or bytes.
  public init(json: JSON) throws {
    try self.init(
      reads: (json["reads"]?.items ?? []).map(Part.init(json:)),
      frames: json["frames"].map(Part.init(json:)), output: json["output"].map(Part.init(json:)))
  }

  /// The pass for a file.
  public var json: JSON {
    .object(
      [JSON.Member("reads", .array(reads.map(\.json)))]
        + [("frames", frames), ("output", output)].compactMap { key, part in
          part.map { JSON.Member(key, $0.json) }
        })
  }
}

extension PassFloor.Part {
  init(json: JSON) throws {
    let paths = (json["paths"]?.items ?? []).compactMap(\.stringValue)
    guard !paths.isEmpty, let byteCount = json["byteCount"]?.integerValue else {
      throw BenchFailure("a part of a floor without files or bytes")
    }
    self.init(paths: paths, byteCount: byteCount, isDirect: json["isDirect"] == .bool(true))
  }

  var json: JSON {
    .object([
      JSON.Member("paths", .array(paths.map { .string($0) })),
      JSON.Member("byteCount", .integer(byteCount)), JSON.Member("isDirect", .bool(isDirect)),
    ])
  }
}
