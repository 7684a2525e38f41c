internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// The file format of manifests, version 1 (docs/reference/manifest.md).
extension Manifest {
  /// What came of reading a manifest.
  enum Reading {
    case manifest(Manifest)
    /// There is no file.
    case missing
    /// A manifest of another version of the format.
    case otherVersion(String)
  }

  /// Longer files are no manifests; those of large merges have some MB.
  private static let byteLimit = 1 << 28
  /// The most facts, notes and places: some for each file of a merge.
  private static let entryLimit = 1 << 20

  /// The text of the file.
  var json: [UInt8] {
    JSONWriter.bytes(indentation: 1) { json in
      json.beginObject()
      json.member("format", .string(Manifest.format))
      json.member("version", .integer(Manifest.version))
      for (key, entries) in [("facts", facts), ("notes", notes), ("places", places)] {
        json.key(named: key)
        json.beginObject()
        for entry in entries { json.member(named: entry.name, .string(entry.value)) }
        json.endObject()
      }
      json.endObject()
    } + [UInt8(ascii: "\n")]
  }

  /// Reads the file.
  static func read(_ path: String) throws -> Reading {
    guard try FileStatus.of(path) != nil else { return .missing }
    let bytes = try InputFile.contents(of: path, byteLimit: Manifest.byteLimit)
    // Safety: the text outlives the scanner.
    return try unsafe bytes.withUnsafeBytes { text in
      var scanner = unsafe JSONScanner(text, file: path)
      return try read(&scanner)
    }
  }

  private static func read(_ scanner: inout JSONScanner) throws(FormatError) -> Reading {
    var manifest = Manifest()
    var (format, version) = ("", "")
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      switch scanner.string(of: key) {
      case "format": format = "\(try scanner.scalar().text)"
      case "version": version = "\(try scanner.scalar().text)"
      case "facts": manifest.facts = try entries(&scanner)
      case "notes": manifest.notes = try entries(&scanner)
      case "places": manifest.places = try entries(&scanner)
      default: try scanner.skipValue()
      }
      // Another version may mean other things by everything that follows.
      if !format.isEmpty, !version.isEmpty,
        format != Manifest.format || version != "\(Manifest.version)"
      {
        return .otherVersion("\(format) \(version)")
      }
    }
    try scanner.end()
    guard !version.isEmpty, !format.isEmpty else { return .otherVersion("without a version") }
    return .manifest(manifest)
  }

  private static func entries(_ scanner: inout JSONScanner) throws(FormatError) -> [Entry] {
    var entries: [Entry] = []
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      guard entries.count < entryLimit else {
        throw scanner.foreign("a manifest of more than \(entryLimit) facts or notes")
      }
      entries.append(Entry(name: scanner.string(of: key), value: try scanner.scalar().text))
    }
    return entries
  }
}

extension JSONScalar {
  /// The value as text.
  var text: String {
    switch self {
    case .string(let value): value
    case .integer(let value): "\(value)"
    case .unsignedInteger(let value): "\(value)"
    case .double(let value): "\(value)"
    case .float(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .null: "null"
    }
  }
}
