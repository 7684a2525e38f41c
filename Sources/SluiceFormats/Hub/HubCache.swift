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
      throw missing(
        text, identifier,
        "nothing lies at this path, and the cache (\(root.printable)) has no model of this name")
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

  /// The name of a model that lies in the cache, with its revision.
  ///
  /// - Parameters:
  ///   - path: A path, or a name of the hub.
  ///   - environment: How variables are looked up.
  /// - Returns: `org/name@commit`; nil if that would not find what lies at the path.
  package static func name(
    of path: String, environment: (String) -> String? = HubCache.variable
  ) -> String? {
    guard let place = try? Directory.resolve(try resolve(path, environment: environment)) else {
      return nil
    }
    let parts = place.split(separator: "/").suffix(3).map { String($0) }
    guard parts.count == 3, parts[0].hasPrefix("models--"), parts[1] == "snapshots" else {
      return nil
    }
    let folder = Array(parts[0].utf8.dropFirst("models--".count))
    guard
      let dash = folder.indices.dropLast().first(where: { folder[$0...$0 + 1] == [0x2d, 0x2d] })
    else { return nil }
    let name =
      String(decoding: folder[..<dash], as: UTF8.self) + "/"
      + String(decoding: folder[(dash + 2)...], as: UTF8.self) + "@\(parts[2])"
    guard isCommit(parts[2]), isName(name),
      let found = try? resolve("hf://\(name)", environment: environment),
      (try? Directory.resolve(found)) == place
    else { return nil }
    return name
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
      remedy: text.hasPrefix("hf://")
        ? "Run hf download \(identifier.name)\(revision)."
        : "Check the path, or run hf download \(identifier.name)\(revision).")
  }

  /// The value of an environment variable.
  package static func variable(_ name: String) -> String? {
    // Safety: the text is copied at once, and nothing here changes the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}
