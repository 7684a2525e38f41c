internal import CLZ4
internal import CXXHash
internal import CZstd

/// The libraries that files are hashed and compressed with.
package enum FormatLibraries {
  /// Their names and versions, as they are loaded.
  package static var versions: [(name: String, version: String)] {
    let hash = Int(XXH_versionNumber())
    // SAFETY: texts that are part of the libraries.
    return unsafe [
      ("xxHash", "\(hash / 10000).\(hash / 100 % 100).\(hash % 100)"),
      ("zstd", String(cString: ZSTD_versionString())),
      ("LZ4", String(cString: LZ4_versionString())),
    ]
  }
}
