/// The version of this program.
public enum SluiceVersion {
  /// The version, as `sluice --version` prints it.
  public static let current = "0.1.0"
}
