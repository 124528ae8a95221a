"""The text a new camera's editor begins with: a whole file that only waits for an address and zones."""

from __future__ import annotations

_STARTER = """\
# Camera mới: đổi mã, tên, địa chỉ và vùng. / A new camera: change id, name, address and zones.
camera:
  id: camera_moi
  name: Camera mới
  village: VILLAGE
  purpose: Giữ an ninh trật tự
inputs:
  - path: rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@192.168.1.20:554/sub
    roles: [detect]
  - path: rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@192.168.1.20:554/main
    roles: [record]
zones:
  # [x, y] từ 0 đến 1, gốc ở góc trên bên trái. / [x, y] from 0 to 1, origin top left.
  khu_vuc: {name: Khu vực, coordinates: [[0.1, 0.4], [0.9, 0.4], [0.9, 0.95], [0.1, 0.95]]}
rules:
  - {kind: crowding, zones: [khu_vuc]}
  - {kind: intrusion, zones: [khu_vuc], schedule: ["22:00-05:00"]}
"""


def starter_text(village: str) -> str:
    """A valid camera file for a village."""
    return _STARTER.replace("VILLAGE", village)
