"""Makes the small files of this folder.

Needs pillow==13.0.0, pillow-heif==1.8.1 and imageio-ffmpeg==0.8.1 (from PyPI), and nothing of the machine.
"""
import subprocess, zipfile, os
import imageio_ffmpeg, pillow_heif
from PIL import Image, ImageDraw

os.chdir(os.path.dirname(os.path.abspath(__file__)))
pillow_heif.register_heif_opener()


def picture(w=64, h=48, mode="RGB", shift=0):
    p = Image.new(mode, (w, h), (40, 90, 200, 255)[:len(mode)])
    ImageDraw.Draw(p).ellipse((5 + shift, 5, 30 + shift, 40), fill=(240, 60, 20, 255)[:len(mode)])
    return p


p = picture()
turned = Image.Exif()
turned[0x112] = 6
turned[0x10F] = "Maker"
turned.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 3.0), 3: "E", 4: (16.0, 22.0, 9.0)})
p.save("plain.jpg")
p.save("turned.jpg", exif=turned)
p.save("progressive.jpg", progressive=True)
p.convert("CMYK").save("cmyk.jpg")
p.save("plain.png")
p.save("turned.webp", exif=turned)
p.save("lossless.webp", lossless=True)
picture(mode="RGBA").save("alpha.webp")
p.save("plain.bmp")
p.save("plain.tif", compression="tiff_lzw")
p.save("pages.tif", save_all=True, append_images=[p, p])
p.save("plain.heic")
p.save("exif.heic", exif=turned)
p.save("plain.avif")
frames = [picture(shift=s) for s in range(0, 20, 5)]
more = dict(save_all=True, append_images=frames[1:], duration=80, loop=0)
frames[0].save("moving.gif", **more)
frames[0].save("moving.webp", **more)
frames[0].save("moving.png", **more)
p.convert("P").save("still.gif")


def ffmpeg(out, *args, size="64x48", sound=True, video=True, seconds="2"):
    a = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    if video:
        a += ["-f", "lavfi", "-i", f"testsrc=size={size}:rate=10:duration={seconds}"]
    if sound:
        a += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    subprocess.run(a + list(args) + ["-fflags", "+bitexact", out], check=True)



h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "32k", "-shortest"]
ffmpeg("plain.mp4", *h264)
ffmpeg("fragmented.mp4", *h264, "-bf", "0", "-movflags", "frag_keyframe+empty_moov+default_base_moof")
ffmpeg("plain.mov", *h264)
subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-display_rotation", "90", "-i", "plain.mp4", "-c", "copy", "turned.mp4"], check=True)
ffmpeg("plain.3gp", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "32k", "-shortest")
vp8 = ["-c:v", "libvpx", "-b:v", "60k", "-c:a", "libopus", "-b:a", "24k"]
ffmpeg("plain.webm", *vp8)
ffmpeg("sound.webm", "-c:a", "libopus", "-b:a", "24k", video=False)
ffmpeg("live.webm", *vp8, "-live", "1")
ffmpeg("plain.mkv", *h264)
ffmpeg("voice.ogg", "-c:a", "libopus", "-b:a", "24k", "-ac", "1", video=False)
ffmpeg("half.ogg", "-af", "volume=0:enable='gte(t,1)'", "-c:a", "libopus", "-b:a", "24k", "-ac", "1", video=False)
ffmpeg("vorbis.ogg", "-c:a", "libvorbis", video=False)
ffmpeg("cbr.mp3", "-c:a", "libmp3lame", "-b:a", "32k", "-write_xing", "0", "-id3v2_version", "0", video=False)
ffmpeg("vbr.mp3", "-c:a", "libmp3lame", "-q:a", "9", "-metadata", "title=Sine", video=False)
ffmpeg("plain.m4a", "-c:a", "aac", "-b:a", "32k", video=False)
ffmpeg("sound.mp4", "-c:a", "aac", "-b:a", "32k", video=False)
ffmpeg("plain.aac", "-c:a", "aac", "-b:a", "32k", video=False)
ffmpeg("plain.wav", "-ar", "8000", "-ac", "2", video=False)
ffmpeg("plain.flac", "-ar", "16000", video=False)
with open("plain.amr", "wb") as f:
    f.write(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 100)


def pdf(name, pages):
    picture().save(name, save_all=True, append_images=[picture()] * (pages - 1))


pdf("three.pdf", 3)


def archive(name, files):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as z:
        for n, text in files.items():
            z.writestr(zipfile.ZipInfo(n), text, compress_type=zipfile.ZIP_DEFLATED)


types, big = "[Content_Types].xml", "x" * 200000
archive("plain.zip", {"a.txt": "a"})
archive("letter.docx", {"word/media/big": big, "word/document.xml": "<d/>", types: "<t/>", "docProps/app.xml": "<P><Pages>7</Pages></P>"})
archive("table.xlsx", {types: "<t/>", "xl/workbook.xml": "<w/>"})
archive("talk.pptx", {types: "<t/>", "ppt/presentation.xml": "<p/>", "docProps/app.xml": "<P><Slides>5</Slides></P>"})
