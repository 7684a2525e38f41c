internal import Glibc
internal import SluiceCore

/// The local cache of the Hugging Face hub: where `org/name` lies that was downloaded before.
///
/// Nothing is downloaded and nothing written. Source: the layout that `huggingface_hub` documents
/// (`models--org--name` with `refs`, `snapshots`, `blobs`, `trees`).
package enum HubCache {
  /// A model's name on the hub.
  struct Identifier: Hashable {
    let name: String
    let revision: String?

    /// Reads `org/name`, `org/name@revision` or `hf://org/name@revision`; nil for anything else.
    init?(_ text: String) {
      var rest = text[...]
      for scheme in ["hf://models/", "hf://"] where rest.hasPrefix(scheme) {
        rest = rest.dropFirst(scheme.count)
        break
      }
      let parts = rest.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      let path = parts[0].split(separator: "/", omittingEmptySubsequences: false)
      guard path.count == 2, path.allSatisfy(Identifier.isPart) else { return nil }
      if parts.count == 2 {
        guard Identifier.isRevision(parts[1]) else { return nil }
        revision = String(parts[1])
      } else {
        revision = nil
      }
      name = path.joined(separator: "/")
    }

    private static func isPart(_ text: Substring) -> Bool {
      guard let first = text.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-"),
        text.utf8.count <= 96, !String(text).contains(bytesOf: "--"),
        !String(text).contains(bytesOf: "..")
      else { return false }
      return text.utf8.allSatisfy(isLetter)
    }

    private static func isRevision(_ text: Substring) -> Bool {
      !text.isEmpty && text.utf8.count <= 255 && !String(text).contains(bytesOf: "..")
        && text.first != "/" && text.utf8.allSatisfy { isLetter($0) || $0 == UInt8(ascii: "/") }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
  }

  /// Whether a text has the form of a model's name on the hub; a path may have it, too.
  package static func isName(_ text: String) -> Bool { Identifier(text) != nil }

  /// The path that a text stands for: itself where something is at it, else the snapshot of the model
  /// of that name.
  ///
  /// - Parameters:
  ///   - text: A path, or `org/name[@revision]`.
  ///   - environment: How variables are looked up.
  /// - Returns: The path; the text itself if it is no name of the hub.
  /// - Throws: If it is one, and the cache does not have the model, or not all of it.
  package static func resolve(
    _ text: String, environment: (String) -> String? = HubCache.variable
  ) throws(FormatError) -> String {
    guard !text.utf8.contains(0), let identifier = Identifier(text),
      text.hasPrefix("hf://") || (try? FileStatus.of(text)) ?? nil == nil
    else { return text }
    let root = root(environment)
    let folder =
      "\(root)/models--" + identifier.name.split(separator: "/").joined(separator: "--")
    guard try FileStatus.of(folder)?.kind == .directory else {
      throw missing(text, identifier, "the cache (\(root.printable)) does not have this model")
    }
    let revision = identifier.revision ?? "main"
    var commit = revision
    if !isCommit(revision) {
      let reference = "\(folder)/refs/\(revision)"
      guard try FileStatus.of(reference)?.kind == .regularFile else {
        throw missing(
          text, identifier, "the cache does not have the revision \(revision.printable)")
      }
      let bytes = try InputFile.contents(of: reference, byteLimit: 256)
      commit = String(decoding: bytes.filter { $0 > 32 }, as: UTF8.self)
    }
    let snapshot = "\(folder)/snapshots/\(commit)"
    guard isCommit(commit), try FileStatus.of(snapshot)?.kind == .directory else {
      throw missing(
        text, identifier, "the cache does not have the revision \(revision.printable)")
    }
    try checkIsWhole(text, identifier, folder, snapshot, commit)
    return snapshot
  }

  /// Where models are kept.
  private static func root(_ environment: (String) -> String?) -> String {
    func value(_ name: String) -> String? {
      environment(name).flatMap { $0.isEmpty ? nil : expanded($0, environment) }
    }
    if let cache = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") { return cache }
    if let home = value("HF_HOME") { return "\(home)/hub" }
    let cache = value("XDG_CACHE_HOME") ?? "\(environment("HOME") ?? "")/.cache"
    return "\(cache)/huggingface/hub"
  }

  /// A path with `~` and `$NAME` replaced.
  private static func expanded(_ path: String, _ environment: (String) -> String?) -> String {
    let home = environment("HOME") ?? ""
    return path.split(separator: "/", omittingEmptySubsequences: false).enumerated().map {
      index, part in
      if index == 0, part == "~" { return home }
      guard part.hasPrefix("$") else { return String(part) }
      let name = part.dropFirst().drop { $0 == "{" }.prefix { $0 != "}" }
      return environment(String(name)) ?? String(part)
    }.joined(separator: "/")
  }

  /// Refuses a snapshot of which files are known to be missing.
  ///
  /// Newer caches list the files of a commit. In others only links to nothing and what is still being
  /// downloaded can be seen; a missing shard is found by the index.
  private static func checkIsWhole(
    _ text: String, _ identifier: Identifier, _ folder: String, _ snapshot: String,
    _ commit: String
  ) throws(FormatError) {
    let entries = try Directory.list(snapshot)
    if let broken = entries.first(where: { $0.isLink && $0.status == nil }) {
      throw missing(
        text, identifier, "\(broken.name.printable) in the cache is a link to nothing")
    }
    let tree = "\(folder)/trees/\(commit).json"
    let files = try FileStatus.of(tree) == nil ? nil : try? HubTree.files(in: tree)
    for (name, byteCount) in HubTree.needed(files ?? [:]) {
      let found = try FileStatus.of("\(snapshot)/\(name)")?.byteCount
      guard found != byteCount else { continue }
      throw missing(
        text, identifier,
        found == nil
          ? "the cache does not have the file \(name.printable)"
          : "\(name.printable) in the cache has \(found ?? 0) bytes of \(byteCount)")
    }
    guard
      !entries.contains(where: { entry in
        HubTree.weights.contains { entry.name.hasSuffix($0) }
      })
    else { return }
    let blobs = (try? Directory.list("\(folder)/blobs")) ?? []
    let isUnfinished = blobs.contains { $0.name.hasSuffix(".incomplete") }
    throw missing(
      text, identifier,
      isUnfinished
        ? "its download into the cache is not finished" : "the cache has no weights of it")
  }

  private static func isCommit(_ text: String) -> Bool {
    text.utf8.count == 40
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  private static func missing(
    _ text: String, _ identifier: Identifier, _ message: String
  ) -> FormatError {
    let revision = identifier.revision.map { " --revision \($0)" } ?? ""
    return .malformed(
      message, file: text,
      remedy: "run hf download \(identifier.name)\(revision), or check the path")
  }

  /// The value of an environment variable.
  package static func variable(_ name: String) -> String? {
    // Safety: the text is copied at once, and nothing here changes the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}

/// The list of files of a commit, as newer caches keep it: `{"files": {"config.json": {"size": 1}}}`.
enum HubTree {
  private static let byteLimit = 1 << 24
  /// How names of weights end.
  static let weights = [".safetensors", ".bin", ".index.json"]

  /// The files of a commit and their lengths.
  static func files(in path: String) throws(FormatError) -> [String: Int] {
    let text = try InputFile.contents(of: path, byteLimit: byteLimit)
    // Safety: the text outlives the scanner.
    let files = unsafe text.withUnsafeBytes { bytes in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(bytes, file: path, maximumDepth: 16)
        var files: [String: Int] = [:]
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
          guard scanner.text(key, equals: "files") else {
            try scanner.skipValue()
            continue
          }
          try scanner.beginObject()
          while let name = try scanner.nextKey() {
            files[scanner.string(of: name)] = try byteCount(&scanner)
          }
        }
        try scanner.end()
        return files
      }
    }
    return try files.get()
  }

  private static func byteCount(_ scanner: inout JSONScanner) throws(FormatError) -> Int? {
    var byteCount: Int?
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "size") || scanner.text(key, equals: "lfs_size"),
        case .integer(let size) = try scanner.scalar()
      {
        // The pointer of a large file has a size of its own.
        byteCount = max(byteCount ?? 0, size)
      } else if !(scanner.text(key, equals: "size") || scanner.text(key, equals: "lfs_size")) {
        try scanner.skipValue()
      }
    }
    return byteCount
  }

  /// The files without which the model cannot be loaded: its config, and the weights that count.
  static func needed(_ files: [String: Int]) -> [(String, Int)] {
    let single = files[Checkpoint.singleFileName] != nil
    let isSharded = files[CheckpointIndex.fileName] != nil
    return files.filter { name, _ in
      switch name {
      case "config.json", Checkpoint.singleFileName: true
      case CheckpointIndex.fileName: !single
      default:
        !single && isSharded && name.hasPrefix("model-") && name.hasSuffix(".safetensors")
      }
    }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
